/** What a fleet costs: lease traffic per host and shard, and fail-over time against the number of sessions. */
import { setTimeout as pause } from 'node:timers/promises'
import { fleetOf, quickLeases, quickStaleMs, signal } from '../chaos/fleet.ts'
import { startStage } from '../e2e/stage.ts'
import { milliseconds } from './figures.ts'

/** Sessions on the host that is killed, about; `BENCH_SESSIONS=20,100,200` for more. */
const sizes = (process.env['BENCH_SESSIONS'] ?? '20,100').split(',').map(Number)
const linkAbreast = 20

export async function fleet(say: (line: string) => void): Promise<void> {
  sayLeaseTraffic(say)
  for (const size of sizes) await failOver(size, say)
}

/** By the design: a renewal per shard and one batch read of all leases per host and round, a line a 10 s. */
function sayLeaseTraffic(say: (line: string) => void): void {
  const rounds = 60_000 / 3000
  say(`leases: per minute ${rounds} renewals a shard, ${rounds} reads of all shards and 6 beats a host`)
}

/** Two hosts hold the sessions; one of them dies. */
async function failOver(size: number, say: (line: string) => void): Promise<void> {
  const stage = await startStage({
    hosts: 2,
    restartsHosts: false,
    environment: { ...quickLeases, RECONNECTS_PER_SECOND: '5' },
  })
  try {
    const companies = fleetOf(stage)
    await companies.untilSpread()
    const linked = []
    while (linked.length < size) linked.push(...(await companies.linkSome(Math.min(linkAbreast, size - linked.length))))
    const [dead] = await stage.run.hosts()
    if (!dead) return
    const orphans = companies.heldBy(dead, linked)
    signal(dead, 'SIGKILL')
    await pause(quickStaleMs / 2)
    const tookMs = (await companies.untilConnected(orphans, 300_000, dead.hostId)) + quickStaleMs / 2
    const paced = tookMs - quickStaleMs
    say(
      `fail-over of ${orphans.length} of ${size} sessions: ${milliseconds(tookMs)}, of which ${milliseconds(quickStaleMs)} lease time; ` +
        `${((orphans.length / paced) * 1000).toFixed(1)} reconnects a second`,
    )
  } finally {
    await stage.stop()
  }
}
