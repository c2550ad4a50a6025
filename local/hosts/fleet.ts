/** The fleet of socket hosts: a fixed number of processes, replaced when they end, as ECS does it. */
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
  /** Stops all hosts without waiting for running attempts, and kills those that still run after the grace period. */
  stop(): Promise<void>
  killAll(): void
}

/** Delay before a host is replaced, so that the other hosts notice the loss first. ECS takes longer to place a task. */
const restartDelayMs = 1000
const graceMs = 20_000

/** Starts the fleet. */
export function startFleet(options: FleetOptions): Fleet {
  const running = new Set<HostProcess>()
  const stopping = new AbortController()
  let isHealthy = false
  let reject: (error: Error) => void = () => undefined
  const failedStart = new Promise<never>((_, rejectStart) => {
    reject = rejectStart
  })
  failedStart.catch(() => undefined)

  const supervise = async (slot: number): Promise<void> => {
    while (!stopping.signal.aborted) {
      const hostId = `local-${slot}-${randomBytes(3).toString('hex')}`
      const host = startHostProcess(options.container, hostId, options.env(hostId), options.preloads, options.log)
      running.add(host)
      const end = await host.ended
      running.delete(host)
      if (stopping.signal.aborted) return
      if (!isHealthy) return reject(new Error(`Host ${hostId} ${end}:\n${host.lastLines.join('\n')}`))
      options.log(hostId, end)
      if (!options.restarts) return
      await sleep(restartDelayMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const supervised = Promise.all(Array.from({ length: options.count }, (_, slot) => supervise(slot + 1)))
  supervised.catch(reject)
  const killAll = () => {
    for (const host of running) host.kill('SIGKILL')
  }

  return {
    hosts: () => [...running],
    failedStart,
    declareHealthy: () => {
      isHealthy = true
    },
    async stop() {
      stopping.abort()
      // A host that gets a second signal does not wait for running attempts: their clients and phones are already gone.
      for (const host of running) for (const signal of ['SIGINT', 'SIGTERM'] as const) host.kill(signal)
      const timer = setTimeout(killAll, graceMs)
      await Promise.allSettled([supervised])
      clearTimeout(timer)
    },
    killAll,
  }
}
