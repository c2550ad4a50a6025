/**
 * Benchmark of `kill -9` and SIGTERM of one of two hosts with few sessions: the time until the first and the last of them are
 * connected on the other. Exit code 1 when they take longer than promised (R28). `takeover.ts` has many sessions.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { fleetOf } from '../support/fleet.ts'
import { type Linked, loginsOf, nudgeHosts, seedLinked, untilOnline, whatsAppView } from '../support/linked-fleet.ts'
import { pidOf } from '../support/process-ids.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { prodHost } from './prod-host.ts'

const sizes = (process.env['BENCH_SESSIONS'] ?? '10').split(',').map(Number)
const shards = 4
const pollMs = 100
const closePollMs = 10
const timeoutMs = 300_000
/** Promised times (R28): the duration of a lease and 5 s after a kill; less after SIGTERM, when the host hands over. */
const promisedMs = { SIGKILL: 15_000, SIGTERM: 3_000 } as const
const few = 10

type Signal = keyof typeof promisedMs

export async function failover(say: (line: string) => void): Promise<void> {
  say('failover: one of two hosts goes; leases are stale after 10 s')
  for (const [size, how] of [...sizes.map((size) => [size, 'SIGKILL'] as const), [few, 'SIGTERM'] as const]) {
    const stage = await startStage({ ...prodHost, hosts: 2, restartsHosts: false })
    try {
      say(await measure(stage, size, how))
    } finally {
      await stage.stop()
    }
  }
}

async function measure(stage: Stage, size: number, how: Signal): Promise<string> {
  await fleetOf(stage).untilSpread()
  const companies = Array.from({ length: size }, (_, index) => ({
    companyId: `session-${index}`,
    phone: `7901${1_000_000 + index}`,
  }))
  await seedLinked(stage.run, companies)
  await nudgeHosts(stage.run, companies)
  await untilOnline(stage.run, size, timeoutMs)
  const dead = (await stage.run.hosts())[0]
  if (!dead) throw new Error('there is no host to kill')
  const orphans = companies.filter(({ companyId }) => dead.shards.includes(shardOf(companyId, shards)))
  process.kill(pidOf(dead), how)
  if (how === 'SIGTERM') await untilClosed(stage, size)
  const { firstMs, lastMs } = await untilTakenOver(stage, orphans)
  const isLate = size <= few && lastMs > promisedMs[how]
  if (isLate) process.exitCode = 1
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  return (
    `  ${how} ${String(size).padStart(4)} sessions, ${orphans.length} of them on that host: first after ${seconds(firstMs)}, ` +
    `last after ${seconds(lastMs)}${isLate ? ', later than promised' : ''}`
  )
}

/**
 * Waits until a stopping host closes its first sockets. It keeps them until the other hosts are ready to take its
 * shards.
 */
async function untilClosed(stage: Stage, size: number): Promise<void> {
  while ((await whatsAppView(stage.run)).online.length === size) await pause(closePollMs)
}

/**
 * Waits until all sessions were taken over, which is the second login of their device. Returns the times of the first
 * and the last.
 */
async function untilTakenOver(stage: Stage, orphans: readonly Linked[]) {
  const phones = orphans.map(({ phone }) => phone)
  const startedAt = performance.now()
  let firstMs: number | undefined
  for (;;) {
    const back = (await loginsOf(stage.run, phones)).filter((logins) => logins > 1).length
    const elapsed = performance.now() - startedAt
    if (back > 0) firstMs ??= elapsed
    if (back === phones.length) return { firstMs: firstMs ?? elapsed, lastMs: elapsed }
    if (elapsed > timeoutMs) throw new Error(`only ${back} of ${phones.length} sessions were taken over`)
    await pause(pollMs)
  }
}
