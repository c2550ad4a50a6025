/**
 * Two hundred pairings at once on one host with fifty healthy sessions; exit code 1 when a promise is broken (R18, R41,
 * R44).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, brokenPromises, burst, connectHealthy, gather, lateAnswers } from '../support/burst.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { startStage } from '../support/stage.ts'
import { cpuSeconds } from './cpu-time.ts'
import { milliseconds, percentile } from './figures.ts'
import { prodHost } from './prod-host.ts'

const healthySessions = 50
const pairings = 200
const promisedCodes = 50
const answerTimeoutMs = 60_000
const maxShownPromises = 10
/** Every session must ping within this time. */
const keepAliveMs = 31_000

export async function capacity(say: (line: string) => void): Promise<void> {
  const stage = await startStage({ ...prodHost, hosts: 1 })
  try {
    const healthy = await connectHealthy(stage, healthySessions)
    const asking = await gather(stage, pairings)
    const pid = await firstHostPid(stage)
    const [hostCpu, restCpu] = [cpuSeconds(pid), cpuSeconds(process.pid)]
    const startedAt = performance.now()
    const asked = await burst(asking, answerTimeoutMs)
    const tookMs = performance.now() - startedAt
    say(`capacity: ${pairings} pairings at once on one host with ${healthySessions} healthy sessions`)
    say(`  ${asked.codes.length} codes  ${times(asked.codes)}   ${asked.busy.length} BUSY  ${times(asked.busy)}`)
    say(
      `  all answered after ${milliseconds(tookMs)}; CPU of the host ${(cpuSeconds(pid) - hostCpu).toFixed(1)} s, ` +
        `of functions, tables and WhatsApp ${(cpuSeconds(process.pid) - restCpu).toFixed(1)} s`,
    )
    await pause(Math.max(0, keepAliveMs - tookMs))
    const broken = [
      ...(await brokenPromises(stage, healthy, asked, promisedCodes)),
      ...(await lateAnswers(stage, asked)),
    ]
    await asked.close()
    if (broken.length > 0) process.exitCode = 1
    say(broken.length === 0 ? '  every promise was kept' : `  ${broken.length} promises were broken, such as:`)
    for (const each of broken.slice(0, maxShownPromises)) say(`    ${each}`)
  } finally {
    await stage.stop()
  }
}

function times(answers: readonly Answer[]): string {
  const all = answers.map(({ ms }) => ms)
  return `p50 ${milliseconds(percentile(all, 0.5))}  last ${milliseconds(percentile(all, 1))}`
}
