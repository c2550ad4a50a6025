/** A function's execution environments. They are reused, and the pool grows when invocations have to wait. */
import type { CloudFunction } from '../template/cloud.ts'
import { type ExecutionEnvironment, startExecutionEnvironment } from './execution-environment.ts'
import type { Log, Outcome } from './outcome.ts'

export type FunctionPool = {
  invoke(event: unknown): Promise<Outcome>
  /** Loads the bundle ahead of the first invocation. */
  prewarm(): Promise<void>
  stop(): Promise<void>
}

/**
 * Limit of environments; further invocations wait. On AWS it is a thousand, but here each costs memory and there are
 * few cores.
 */
const maxEnvironments = 4
/**
 * Wait before another environment is started. Lambda starts one for every concurrent invocation. Loading one costs as much
 * CPU as twenty invocations, so in a burst it is faster to wait a moment for a warm one. A function that waits for something
 * slow still gets more environments.
 */
const growDelayMs = 250
/** Time for which an idle environment is kept. */
const idleMs = 60_000

type Idle = { readonly environment: ExecutionEnvironment; readonly timer: NodeJS.Timeout }

/** Creates the pool of one function. Threads are started when they are needed. */
export function functionPool(fn: CloudFunction, env: Readonly<Record<string, string>>, log: Log): FunctionPool {
  const all = new Set<ExecutionEnvironment>()
  const idle: Idle[] = []
  const waiting: ((environment: ExecutionEnvironment | undefined) => void)[] = []
  let growing: NodeJS.Timeout | undefined
  let stopped = false

  const start = () => {
    const environment = startExecutionEnvironment(fn, env, log)
    all.add(environment)
    return environment
  }
  const discard = async (environment: ExecutionEnvironment) => {
    all.delete(environment)
    await environment.stop()
  }
  const take = async (): Promise<ExecutionEnvironment | undefined> => {
    if (stopped) return undefined
    const free = idle.pop()
    if (free !== undefined) {
      clearTimeout(free.timer)
      return free.environment.isAlive() ? free.environment : start()
    }
    if (all.size === 0) return start()
    growing ??= setTimeout(grow, growDelayMs)
    return new Promise((resolve) => waiting.push(resolve))
  }
  /** Starts environments one at a time, as long as invocations are waiting. */
  const grow = async () => {
    if (waiting.length > 0 && all.size < maxEnvironments && !stopped) {
      const environment = start()
      await environment.ready
      giveBack(environment)
    }
    growing = waiting.length > 0 && !stopped ? setTimeout(grow, growDelayMs) : undefined
  }
  const giveBack = (environment: ExecutionEnvironment) => {
    const usable = environment.isAlive() && !stopped
    if (!usable) void discard(environment)
    const next = waiting.shift()
    if (next !== undefined) return next(stopped ? undefined : usable ? environment : start())
    if (usable) idle.push(keepIdle(environment))
  }
  const keepIdle = (environment: ExecutionEnvironment): Idle => {
    const timer = setTimeout(() => {
      const index = idle.findIndex((entry) => entry.environment === environment)
      if (index >= 0) idle.splice(index, 1)
      void discard(environment)
    }, idleMs)
    return { environment, timer: timer.unref() }
  }

  return {
    async invoke(event) {
      const environment = await take()
      if (environment === undefined) return stoppedOutcome
      const outcome = await environment.invoke(event)
      giveBack(environment)
      return outcome
    },
    async prewarm() {
      if (all.size > 0 || stopped) return
      const environment = start()
      await environment.ready
      giveBack(environment)
    },
    async stop() {
      stopped = true
      clearTimeout(growing)
      for (const { timer } of idle) clearTimeout(timer)
      for (const resolve of waiting.splice(0)) resolve(undefined)
      await Promise.all([...all].map(discard))
    },
  }
}

const stoppedOutcome: Outcome = { status: 'failed', errorType: 'Stopped', errorMessage: 'The local run is stopping' }
