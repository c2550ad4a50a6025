/**
 * Benchmark of a salon day (R68): many sessions on one host, and a third of the time each without traffic, with that of the
 * mean hour, and with that of a peak hour. Exit code 1 when a promise is broken.
 */
import { megabytes, milliseconds, percentile } from './figures.ts'
import { addSessions, day, makeAcquainted, type PhaseFigures, playDay, startLoadedHost } from './loaded-host.ts'
import { under } from './promised.ts'
import type { UnitSums } from './units.ts'

const sessions = Number(process.env['BENCH_SESSIONS'] ?? 1000)
const minutes = Number(process.env['BENCH_MINUTES'] ?? 30)
/** Multiples of the mean rate (R68). */
const phases = [
  ['idle', 0],
  ['mean hour', 1],
  ['peak hour', 4],
] as const
/** Promised share of a core, and memory (R68). */
const promisedPercent = 60
const promisedMegabytes = 1024
/** Above this the simulated WhatsApp, not the host, may be what limits the traffic. */
const simulatorLimit = 0.8
/** The sender of a message that cannot be decrypted sends another one, which the simulated contacts do not. */
const maxLostShare = 0.001
const secondsPerDay = 86_400

export async function salonDay(say: (line: string) => void): Promise<void> {
  const host = await startLoadedHost()
  try {
    const startedAt = performance.now()
    await addSessions(host, 0, sessions)
    say(`salon-day: ${sessions} sessions on one host, connected ${since(startedAt)}; ${minutes} minutes`)
    await makeAcquainted(host, sessions)
    say(`  the contacts of each have written before, ${since(startedAt)}`)
    for (const [name, factor] of phases) {
      const figures = await playDay(host, factor, (minutes * 60) / phases.length)
      report(name, figures, say)
      if (isShort(figures, factor)) broken('fewer messages were sent than a salon day has', say)
    }
  } finally {
    await host.stop()
  }
}

function report(name: string, figures: PhaseFigures, say: (line: string) => void): void {
  const { hostShare, simulatorShare, restShare, maxResidentBytes, maxStallMs, load, units } = figures
  const isPeak = name === 'peak hour'
  const cpu = hostShare * 100
  const memory = maxResidentBytes / 2 ** 20
  const judged = isPeak ? [under(cpu, promisedPercent, ' %'), under(memory, promisedMegabytes, ' MiB')] : ['', '']
  say(`  ${name}, ${Math.round(figures.seconds)} s`)
  say(`    host ${cpu.toFixed(1)} % of a core ${judged[0]}  ${megabytes(maxResidentBytes)} at most ${judged[1]}`)
  say(
    `    longest stall of its event loop ${milliseconds(maxStallMs)}; CPU of the simulated WhatsApp ` +
      `${percent(simulatorShare)}, of tables, functions and the benchmark ${percent(restShare)}`,
  )
  say(`    DynamoDB, a session and day: ${unitsOf(units.companies, figures.seconds, sessions)}`)
  say(`    leases and heartbeats, a day: ${unitsOf(units.leases, figures.seconds, 1)}`)
  if (load.messages === 0) return
  say(
    `    ${load.messages} messages, ${load.delivered} decrypted, ${load.undecryptable} asked for again, ` +
      `${load.waiting} still waiting, ${load.failures} not sent; ${load.notices} notices, ${load.reconnects} connections closed, ${load.logins} logins`,
  )
  const [p50, p99] = [0.5, 0.99].map((share) => milliseconds(percentile(load.deliveryMs, share)))
  say(
    `    time to a message's receipt p50 ${p50}  p99 ${p99}; the simulated WhatsApp was ` +
      `${milliseconds(load.maxLatenessMs)} late at most`,
  )
  const lost = load.messages - load.delivered
  if (lost > load.messages * maxLostShare) broken(`${lost} messages were not decrypted`, say)
  if (simulatorShare > simulatorLimit) say('    the simulated WhatsApp may have limited the traffic')
}

/** A host that gets no messages needs no CPU. Their number is a Poisson one: five deviations are no chance. */
function isShort({ load, seconds }: PhaseFigures, factor: number): boolean {
  const planned = (sessions * (day.direct + day.group) * factor * seconds) / secondsPerDay
  return load.messages < planned - 5 * Math.sqrt(planned)
}

function broken(promise: string, say: (line: string) => void): void {
  process.exitCode = 1
  say(`    ${promise}`)
}

function unitsOf({ requests, reads, writes }: UnitSums, seconds: number, by: number): string {
  const scaled = (sum: number) => ((sum * secondsPerDay) / seconds / by).toFixed(0)
  return `${scaled(requests)} requests, ${scaled(reads)} read units, ${scaled(writes)} write units`
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const since = (startedAt: number): string => `after ${Math.round((performance.now() - startedAt) / 1000)} s`
