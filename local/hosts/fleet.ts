/** The fleet of socket hosts: as many processes as wanted, replaced when they end, as ECS does it. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../invoke/outcome.ts'
import type { Container } from '../template/cloud.ts'
import { type HostProcess, startHostProcess } from './host-process.ts'

export type FleetOptions = {
  readonly container: Container
  readonly count: number
  readonly env: (hostId: string) => Readonly<Record<string, string>>
  /** URLs of modules that are loaded before the host's own code. */
  readonly preloads: readonly string[]
  /** True when a host that ends is replaced. */
  readonly restarts: boolean
  readonly log: Log
}

export type Fleet = {
  /** Returns the hosts that are running. */
  hosts(): readonly HostProcess[]
  /** Rejects when a host ends before the fleet is declared healthy. */
  readonly failedStart: Promise<never>
  /** Ends the start: from now on a host that ends is replaced instead of failing the start. */
  declareHealthy(): void
  /** Changes the number of hosts: more are started, or the last ones get SIGTERM and are not replaced. */
  scale(count: number): void
  /** Stops all hosts without waiting for running attempts, and kills those that still run after the grace period. */
  stop(): Promise<void>
  killAll(): void
}

/** Delay before a host is replaced, so that the other hosts notice the loss first. ECS takes longer to place a task. */
const restartDelayMs = 1000
const graceMs = 20_000

/** Starts the fleet. */
export function startFleet(options: FleetOptions): Fleet {
  /** By slot. A host has a slot, and so has its replacement. */
  const running = new Map<number, HostProcess>()
  const supervised = new Map<number, Promise<void>>()
  const stopping = new AbortController()
  let wanted = 0
  let isHealthy = false
  let reject: (error: Error) => void = () => undefined
  const failedStart = new Promise<never>((_, rejectStart) => {
    reject = rejectStart
  })
  failedStart.catch(() => undefined)

  const supervise = async (slot: number): Promise<void> => {
    while (!stopping.signal.aborted && slot <= wanted) {
      const hostId = `local-${slot}-${randomBytes(3).toString('hex')}`
      const host = startHostProcess(options.container, hostId, options.env(hostId), options.preloads, options.log)
      running.set(slot, host)
      const end = await host.ended
      running.delete(slot)
      if (stopping.signal.aborted) return
      if (!isHealthy) return reject(new Error(`Host ${hostId} ${end}:\n${host.lastLines.join('\n')}`))
      options.log(hostId, end)
      if (!options.restarts) return
      if (slot > wanted) break
      await sleep(restartDelayMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
    supervised.delete(slot)
  }
  const scale = (count: number): void => {
    wanted = count
    for (let slot = 1; slot <= count; slot++) {
      // A host of this slot that is about to leave is replaced when it has left.
      if (!supervised.has(slot)) supervised.set(slot, supervise(slot).catch(reject))
    }
    for (const [slot, host] of running) if (slot > count) host.kill('SIGTERM')
  }
  scale(options.count)
  const killAll = () => {
    for (const host of running.values()) host.kill('SIGKILL')
  }

  return {
    hosts: () => [...running.values()],
    failedStart,
    declareHealthy: () => {
      isHealthy = true
    },
    scale,
    async stop() {
      stopping.abort()
      // A host that gets a second signal does not wait for running attempts: their clients and phones are already gone.
      for (const host of running.values()) for (const signal of ['SIGINT', 'SIGTERM'] as const) host.kill(signal)
      const timer = setTimeout(killAll, graceMs)
      await Promise.allSettled(supervised.values())
      clearTimeout(timer)
    },
    killAll,
  }
}
