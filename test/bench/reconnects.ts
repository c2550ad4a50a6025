/**
 * Benchmark of 500 sessions that reconnect on a host that has just started: their rate, what they need of the CPU, and the
 * time to code meanwhile.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { restartHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { cpuSeconds } from './cpu-time.ts'
import { milliseconds, percentile } from './figures.ts'
import { prodHost } from './prod-host.ts'

const sessions = Number(process.env['BENCH_SESSIONS'] ?? 500)
const pairings = 20
const betweenPairingsMs = 500
/** Promised time to code (R18). */
const promisedMs = 20_000

export async function reconnects(say: (line: string) => void): Promise<void> {
  say(`reconnects: ${sessions} sessions of one host that was started again, ${pairings} pairings meanwhile`)
  const stage = await startStage({ ...prodHost, hosts: 1 })
  try {
    await measure(stage, say)
  } finally {
    await stage.stop()
  }
}

async function measure(stage: Stage, say: (line: string) => void): Promise<void> {
  const companies = Array.from({ length: sessions }, (_, index) => ({
    companyId: `session-${index}`,
    phone: `7901${1_000_000 + index}`,
  }))
  await seedLinked(stage.run, companies)
  await restartHosts(stage.run)
  await untilOnline(stage.run, 1, 30_000)
  const pid = await firstHostPid(stage)
  const [cpu, restCpu] = [cpuSeconds(pid), cpuSeconds(process.pid)]
  const [tookMs, codes] = await Promise.all([untilOnline(stage.run, sessions, 600_000), pairMeanwhile(stage)])
  const seconds = tookMs / 1000
  const perSecond = (sessions - 1) / seconds
  const share = (before: number, of: number) => `${Math.round(((cpuSeconds(of) - before) / seconds) * 100)} %`
  say(
    `  ${perSecond.toFixed(1)} a second; of a core the host has used ${share(cpu, pid)}, tables and WhatsApp ` +
      share(restCpu, process.pid),
  )
  const late = codes.filter((ms) => ms > promisedMs).length
  say(
    `    time to code meanwhile  p50 ${milliseconds(percentile(codes, 0.5))}  last ${milliseconds(percentile(codes, 1))}` +
      `  ${late === 0 ? 'all within 20 s' : `${late} too late`}`,
  )
}

/** Starts pairings one after the other while the sessions reconnect; returns the time to code of each. */
async function pairMeanwhile(stage: Stage): Promise<readonly number[]> {
  const asked: Promise<number>[] = []
  for (let pairing = 0; pairing < pairings; pairing++) {
    asked.push(timeToCode(stage))
    await pause(betweenPairingsMs)
  }
  return Promise.all(asked)
}

async function timeToCode(stage: Stage): Promise<number> {
  const { companyId, phone } = stage.fresh()
  const client = await stage.client(companyId)
  const startedAt = performance.now()
  await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
  const elapsed = performance.now() - startedAt
  await client.close()
  return elapsed
}
