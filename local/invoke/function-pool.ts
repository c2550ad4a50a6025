/** All invocations of one function. */
import type { CloudFunction } from '../template/cloud.ts'
import { environmentPool } from './environment-pool.ts'
import { startExecutionEnvironment } from './execution-environment.ts'
import type { Log, Outcome } from './outcome.ts'

export type FunctionPool = {
  invoke(event: unknown): Promise<Outcome>
  /** Loads the bundle ahead of the first invocation. */
  prewarm(): Promise<void>
  stop(): Promise<void>
}

/** Creates the pool of one function. Threads are started when they are needed. */
export function functionPool(fn: CloudFunction, env: Readonly<Record<string, string>>, log: Log): FunctionPool {
  const environments = environmentPool(() => startExecutionEnvironment(fn, env, log))
  return {
    async invoke(event) {
      const environment = await environments.take()
      if (environment === undefined) return stoppedOutcome
      const outcome = await environment.invoke(event)
      environments.giveBack(environment)
      return outcome
    },
    prewarm: environments.prewarm,
    stop: environments.stop,
  }
}

const stoppedOutcome: Outcome = { status: 'failed', errorType: 'Stopped', errorMessage: 'The local run is stopping' }
