/** A pool of execution environments. They are reused, and the pool grows when invocations have to wait. */
import type { ExecutionEnvironment } from './execution-environment.ts'
import { idleEnvironments } from './idle-environments.ts'

export type EnvironmentPool = {
  /** Waits for an environment. Resolves with undefined once the pool is stopped. */
  take(): Promise<ExecutionEnvironment | undefined>
  giveBack(environment: ExecutionEnvironment): void
  /** Starts an environment if there is none, and waits until it has loaded. */
  prewarm(): Promise<void>
  stop(): Promise<void>
}

/**
 * Limit of environments; further invocations wait. On AWS it is a thousand, but here each costs memory and there are
 * few cores.
 */
export const maxEnvironments = 4
/**
 * Wait before another environment is started. Lambda starts one for every concurrent invocation. Loading one costs as much
 * CPU as twenty invocations, so in a burst it is faster to wait a moment for a warm one. A function that waits for something
 * slow still gets more environments.
 */
export const growDelayMs = 250

export function environmentPool(startEnvironment: () => ExecutionEnvironment): EnvironmentPool {
  const all = new Set<ExecutionEnvironment>()
  const waiting: ((environment: ExecutionEnvironment | undefined) => void)[] = []
  let growing: NodeJS.Timeout | undefined
  let stopped = false

  const start = () => {
    const environment = startEnvironment()
    all.add(environment)
    return environment
  }
  const discard = async (environment: ExecutionEnvironment) => {
    all.delete(environment)
    await environment.stop()
  }
  const idle = idleEnvironments((environment) => void discard(environment))
  const take = async (): Promise<ExecutionEnvironment | undefined> => {
    if (stopped) return undefined
    const free = idle.take()
    if (free?.isAlive()) return free
    // A dead environment must not count against the largest number of environments.
    if (free !== undefined) void discard(free)
    if (free !== undefined || all.size === 0) return start()
    growing ??= setTimeout(grow, growDelayMs)
    return new Promise((resolve) => waiting.push(resolve))
  }
  const add = async () => {
    const environment = start()
    await environment.ready
    giveBack(environment)
  }
  /** Starts environments one at a time, as long as invocations are waiting. */
  const grow = async () => {
    if (waiting.length > 0 && all.size < maxEnvironments && !stopped) await add()
    growing = waiting.length > 0 && !stopped ? setTimeout(grow, growDelayMs) : undefined
  }
  const giveBack = (environment: ExecutionEnvironment) => {
    const usable = environment.isAlive() && !stopped
    if (!usable) void discard(environment)
    const next = waiting.shift()
    if (next !== undefined) return next(stopped ? undefined : usable ? environment : start())
    if (usable) idle.keep(environment)
  }

  return {
    take,
    giveBack,
    async prewarm() {
      if (all.size === 0 && !stopped) await add()
    },
    async stop() {
      stopped = true
      clearTimeout(growing)
      idle.clear()
      for (const resolve of waiting.splice(0)) resolve(undefined)
      await Promise.all([...all].map(discard))
    },
  }
}
