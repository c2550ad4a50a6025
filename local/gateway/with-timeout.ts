/** The time limit of an integration. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Outcome } from '../invoke/outcome.ts'

/** `errorType` of an invocation that took longer than API Gateway waits. */
export const timedOut = 'IntegrationTimeout'

/** Returns the outcome, or a failure when it takes too long. The function itself continues, as on AWS. */
export const withTimeout = (outcome: Promise<Outcome>, timeoutMs: number): Promise<Outcome> =>
  waitAtMost(timeoutMs, outcome, () => failure)

const failure: Outcome = { status: 'failed', errorType: timedOut, errorMessage: 'Endpoint request timed out' }
