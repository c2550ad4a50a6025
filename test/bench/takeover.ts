/**
 * Benchmark of a host that is killed with all its sessions: the time until they are online again, on one other host and on
 * two, what that costs them, and the time to code of owners who ask meanwhile. Exit code 1 when a promise is broken that
 * this machine can show (R68).
 */
import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import { fleetOf } from '../support/fleet.ts'
import { type Linked, loginsOf, nudgeHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { pidOf } from '../support/process-ids.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { cpuSeconds } from './cpu-time.ts'
import { prodHost } from './prod-host.ts'
import { brokenOf, type Look, linesOf, type Owner } from './takeover-report.ts'

const sessions = Number(process.env['BENCH_SESSIONS'] ?? 1000)
const successorCounts = (process.env['BENCH_SUCCESSORS'] ?? '1,2').split(',').map(Number)
/** Milliseconds for which what hosts send to WhatsApp is on its way. */
const awayMs = Number(process.env['BENCH_LATENCY_MS'] ?? 0)
const betweenOwnersMs = 2000
const shards = 4
const lookMs = 250
const timeoutMs = 300_000
const reportLoad = new URL('./report-load.ts', import.meta.url).href

/** Last load that each host has reported, by its name. */
type Loads = Map<string, number>

export async function takeover(say: (line: string) => void): Promise<void> {
  const away = awayMs > 0 ? `; WhatsApp hears them ${awayMs} ms later` : ''
  say(`takeover: kill -9 of a host with ${sessions} sessions; leases are stale after 10 s${away}`)
  for (const successors of successorCounts) {
    const loads: Loads = new Map()
    const log = (source: string, line: string) => {
      const load = /^loop-load (\S+)/.exec(line)?.[1]
      if (load !== undefined) loads.set(source, Number(load))
    }
    const environment = { NODE_OPTIONS: `--import=${reportLoad}` }
    const stage = await startStage({
      ...prodHost,
      hosts: successors + 1,
      shards,
      restartsHosts: false,
      environment,
      log,
    })
    try {
      const seen = await measure(stage, loads)
      for (const line of linesOf(seen)) say(`  ${line}`)
      const broken = brokenOf(seen)
      if (broken.length > 0) process.exitCode = 1
      for (const promise of broken) say(`    broken: ${promise}`)
    } finally {
      await stage.stop()
    }
  }
}

async function measure(stage: Stage, loads: Loads) {
  await fleetOf(stage).untilSpread()
  const [dead, ...successors] = [...(await stage.run.hosts())].sort((a, b) => b.shards.length - a.shards.length)
  if (!dead) throw new Error('there is no host to kill')
  const companies = companiesOf(dead)
  await seedLinked(stage.run, companies)
  await nudgeHosts(stage.run, companies)
  await untilOnline(stage.run, sessions, timeoutMs)
  if (awayMs > 0) await stage.service('slow', { ms: awayMs })
  const phones = companies.map(({ phone }) => phone)
  // A machine that stands still costs a host its leases: some may have logged in more than once by now.
  const before = await loginsOf(stage.run, phones)
  const over = new AbortController()
  process.kill(pidOf(dead), 'SIGKILL')
  const isBack = (logins: number, index: number) => logins > (before[index] ?? 0)
  const look = async () => (await loginsOf(stage.run, phones)).filter(isBack).length
  const looking = lookUntilBack(look, companies.length, successors, loads).finally(() => over.abort())
  const [looks, owners] = await Promise.all([looking, askMeanwhile(stage, dead, over.signal)])
  return { looks, owners }
}

const isOn = (host: HostView, companyId: string): boolean => host.shards.includes(shardOf(companyId, shards))

/** Companies whose shards the host owns. */
function companiesOf(host: HostView): readonly Linked[] {
  const found: Linked[] = []
  for (let index = 0; found.length < sessions; index++) {
    const companyId = `session-${index}`
    if (isOn(host, companyId)) found.push({ companyId, phone: `7901${1_000_000 + index}` })
  }
  return found
}

/** Looks again and again until each session was taken over, which is one more login of its device. */
async function lookUntilBack(
  look: () => Promise<number>,
  count: number,
  successors: readonly HostView[],
  loads: Loads,
) {
  const startedAt = performance.now()
  const looks: Look[] = []
  for (;;) {
    const back = await look()
    const atMs = performance.now() - startedAt
    const all = cpus().map(({ times }) => times)
    looks.push({
      ...{ atMs, back, successors: successors.map((each) => cpuSeconds(pidOf(each))), rest: cpuSeconds(process.pid) },
      loads: successors.map(({ hostId }) => loads.get(hostId) ?? 0),
      idle: all.reduce((sum, { idle }) => sum + idle, 0) / 1000,
      cores: all.length,
    })
    if (back === count) return looks
    if (atMs > timeoutMs) throw new Error(`only ${back} of ${count} sessions were taken over`)
    await pause(lookMs)
  }
}

/** Lets an owner ask for a code every two seconds until the signal, on the shards of all hosts. */
async function askMeanwhile(stage: Stage, dead: HostView, signal: AbortSignal): Promise<readonly Owner[]> {
  const startedAt = performance.now()
  const asked: Promise<Owner>[] = []
  while (!signal.aborted) {
    const askedAtMs = performance.now() - startedAt
    // An owner without an answer is a result too.
    const noAnswer = (error: unknown): Owner => {
      const tookMs = performance.now() - startedAt - askedAtMs
      return { askedAtMs, tookMs, isOrphan: false, error: String(error) }
    }
    asked.push(timeToCode(stage, dead, askedAtMs).catch(noAnswer))
    await pause(betweenOwnersMs)
  }
  return Promise.all(asked)
}

async function timeToCode(stage: Stage, dead: HostView, askedAtMs: number): Promise<Owner> {
  const { companyId, phone } = stage.fresh()
  const client = await stage.client(companyId)
  const startedAt = performance.now()
  client.send({ action: 'request-pairing-code', phoneNumber: phone.number })
  const { event, code } = await client.next(({ event }) => event === 'pairing-code' || event === 'pairing-code-error')
  const tookMs = performance.now() - startedAt
  await client.close()
  const error = event === 'pairing-code' ? undefined : String(code)
  return { askedAtMs, tookMs, isOrphan: isOn(dead, companyId), ...(error !== undefined && { error }) }
}
