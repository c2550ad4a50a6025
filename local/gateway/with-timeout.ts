/** An integration's time limit. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Outcome } from '../invoke/outcome.ts'

/** `errorType` of an invocation that API Gateway did not wait for. */
export const timedOut = 'IntegrationTimeout'

/** The outcome, or a failure when it does not come in time; the function itself goes on, as on AWS. */
export const withTimeout = (outcome: Promise<Outcome>, timeoutMs: number): Promise<Outcome> =>
  waitAtMost(timeoutMs, outcome, () => failure)

const failure: Outcome = { status: 'failed', errorType: timedOut, errorMessage: 'Endpoint request timed out' }
