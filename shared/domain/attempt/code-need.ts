/** Codes and their budget (R24): which request needs a code, and which code was taken in vain. */
import type { CompanyState } from '../company/company.ts'
import type { BudgetTicket } from '../values/budget.ts'
import { isLinked } from './acceptance.ts'
import { isJoined, type PairingRequest } from './pairing.ts'

/** True unless the request joins the running attempt, or its phone is linked and the session usable. */
export function needsCode(state: CompanyState, request: Pick<PairingRequest, 'method' | 'phone'>): boolean {
  const { attempt } = state
  return !(attempt && isJoined(attempt, request)) && !isLinked(state, request)
}

/** Returns the code of an attempt that this decision has ended before any host accepted it: WhatsApp was never asked. */
export function unusedTicket(before: CompanyState, after: CompanyState): BudgetTicket | undefined {
  const { attempt } = before
  if (attempt?.state !== 'requested' || attempt.acceptedAt !== undefined) return undefined
  if (after.attempt?.attemptId === attempt.attemptId) return undefined
  return attempt.ticket
}
