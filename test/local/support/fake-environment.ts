/** An execution environment without a thread. */
import type { ExecutionEnvironment } from '../../../local/invoke/execution-environment.ts'
import type { Outcome } from '../../../local/invoke/outcome.ts'

const succeeded: Outcome = { status: 'succeeded', value: null }

/** Returns an environment that has loaded, and is alive until it is stopped or crashes. */
export function fakeEnvironment(): ExecutionEnvironment & { crash(): void } {
  let isAlive = true
  const crash = () => {
    isAlive = false
  }
  return {
    ready: Promise.resolve(succeeded),
    invoke: async () => succeeded,
    isAlive: () => isAlive,
    stop: async () => crash(),
    crash,
  }
}
