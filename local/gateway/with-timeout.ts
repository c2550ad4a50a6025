/** An integration's time limit. */
import type { Outcome } from '../invoke/outcome.ts'

/** `errorType` of an invocation that API Gateway did not wait for. */
export const timedOut = 'IntegrationTimeout'

/** The outcome, or a failure when it does not come in time; the function itself goes on, as on AWS. */
export async function withTimeout(outcome: Promise<Outcome>, timeoutMs: number): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<Outcome>((resolve) => {
    const failure: Outcome = { status: 'failed', errorType: timedOut, errorMessage: 'Endpoint request timed out' }
    timer = setTimeout(() => resolve(failure), timeoutMs)
  })
  try {
    return await Promise.race([outcome, timeout])
  } finally {
    clearTimeout(timer)
  }
}
