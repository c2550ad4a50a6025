/** Whether a request will ask WhatsApp for a new code: only then is it charged to a budget (R24). */
import { isRunning } from './attempt.ts'
import type { CompanyState } from './company.ts'
import { asksTheSame, isLinked, type PairingRequest } from './pairing.ts'

/** Not when it joins the running attempt, nor when the phone is linked and its session usable. */
export function needsCode(state: CompanyState, request: Pick<PairingRequest, 'method' | 'phone'>): boolean {
  const { attempt } = state
  return !(isRunning(attempt) && asksTheSame(attempt, request)) && !isLinked(state, request)
}
