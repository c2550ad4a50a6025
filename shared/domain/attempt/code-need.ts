/** Codes and the budget that they are charged to (R24): which request needs one, and which was taken for nothing. */
import type { CompanyState } from '../company/company.ts'
import type { BudgetTicket } from '../values/budget.ts'
import { isJoined, isLinked, type PairingRequest } from './pairing.ts'

/** Not when it joins the running attempt, nor when the phone is linked and its session usable. */
export function needsCode(state: CompanyState, request: Pick<PairingRequest, 'method' | 'phone'>): boolean {
  const { attempt } = state
  return !(attempt && isJoined(attempt, request)) && !isLinked(state, request)
}

/** The code of an attempt that this decision has ended before any host took it on: WhatsApp was never asked. */
export function unusedTicket(before: CompanyState, after: CompanyState): BudgetTicket | undefined {
  const { attempt } = before
  if (attempt?.state !== 'requested' || after.attempt?.attemptId === attempt.attemptId) return undefined
  return attempt.ticket
}
