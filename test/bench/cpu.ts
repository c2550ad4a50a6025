/**
 * Benchmark of the CPU time of a first link and of a reconnect (R68): the host's process in turns with one of bare Baileys,
 * whose keys are in memory, on one simulated WhatsApp. Exit code 1 when a promise is broken.
 */

import { linkCosts } from './cpu-of-links.ts'
import { reconnectCosts } from './cpu-of-reconnects.ts'
import { median, milliseconds, ratio } from './figures.ts'
import { under } from './promised.ts'
import { type SimulatorProcess, startSimulatorProcess } from './simulator-process.ts'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 4)
const linksPerRound = Number(process.env['BENCH_LINKS'] ?? 15)
const sessions = Number(process.env['BENCH_SESSIONS'] ?? 200)
/** Promised shares of the CPU time of bare Baileys (R68). */
const promised = { link: 0.75, reconnect: 0.65 } as const
/** Orientation: these times were the promised shares on the machine of the first measurement. */
const orientation = { link: '150 ms beside 217 ms', reconnect: '14 ms beside 22 ms' } as const

/** CPU time per link or reconnect in each round, in ms. */
export type Costs = { readonly host: readonly number[]; readonly bare: readonly number[] }

export async function cpu(say: (line: string) => void): Promise<void> {
  const simulator = await startSimulatorProcess()
  try {
    await measure(simulator, say)
  } finally {
    await simulator.stop()
  }
}

async function measure(simulator: SimulatorProcess, say: (line: string) => void): Promise<void> {
  say('cpu: user and system time of the process with the sockets alone; medians of rounds in turns with bare Baileys')
  const { costs: links, maxStallMs } = await linkCosts(simulator, rounds, linksPerRound)
  say(`  first link, request to open and what follows, ${rounds} x ${linksPerRound}, 4 at a time`)
  report(links, promised.link, orientation.link, say)
  say(`    longest stall of the host's event loop meanwhile ${milliseconds(maxStallMs)}`)
  const { restarted, closed, emptyMs } = await reconnectCosts(simulator, Math.ceil(rounds / 2), sessions)
  say(`  reconnect of ${sessions} sessions whose sockets WhatsApp has closed`)
  report(closed, promised.reconnect, orientation.reconnect, say)
  say(`  reconnect of ${sessions} sessions after a restart, without the ${milliseconds(emptyMs)} of an empty start`)
  report(restarted, promised.reconnect, orientation.reconnect, say)
}

function report({ host, bare }: Costs, limit: number, usual: string, say: (line: string) => void): void {
  const [ours, theirs] = [median(host), median(bare)]
  const each = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(' ')
  say(
    `    host ${ours.toFixed(1)} ms  bare ${theirs.toFixed(1)} ms  ${ratio(ours, theirs)} ` +
      `${under(ours / theirs, limit, ' x')}; orientation ${usual}`,
  )
  say(`    rounds: host ${each(host)}  bare ${each(bare)}`)
}
