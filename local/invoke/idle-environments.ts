/** Idle execution environments of one function, each kept for a while. */
import type { ExecutionEnvironment } from './execution-environment.ts'

/** Time for which an idle environment is kept. */
export const idleMs = 60_000

type Idle = { readonly environment: ExecutionEnvironment; readonly timer: NodeJS.Timeout }

export type IdleEnvironments = {
  keep(environment: ExecutionEnvironment): void
  /** Returns the environment that was kept last, which is not kept any longer; undefined when there is none. */
  take(): ExecutionEnvironment | undefined
  /** Keeps none any longer, and calls `onExpired` for none. */
  clear(): void
}

/** `onExpired` is called with an environment that has been idle for too long. */
export function idleEnvironments(onExpired: (environment: ExecutionEnvironment) => void): IdleEnvironments {
  const all: Idle[] = []
  return {
    keep(environment) {
      const timer = setTimeout(() => {
        const index = all.findIndex((entry) => entry.environment === environment)
        if (index >= 0) all.splice(index, 1)
        onExpired(environment)
      }, idleMs)
      all.push({ environment, timer: timer.unref() })
    },
    take() {
      const last = all.pop()
      clearTimeout(last?.timer)
      return last?.environment
    },
    clear() {
      for (const { timer } of all.splice(0)) clearTimeout(timer)
    },
  }
}
