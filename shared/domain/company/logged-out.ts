/** Advice for a company that WhatsApp logs out again (R46). */
import type { Failure } from '../values/errors.ts'
import type { CompanyState } from './company.ts'

const dayMs = 24 * 3_600_000

/**
 * Notes that the company is told `LOGGED_OUT` at `now` (epoch ms), and returns the failure with its advice. The second
 * time within a day WhatsApp may have restricted the account: the owner must then look at the phone, and wait.
 */
export function toldLoggedOut<Told extends Pick<Failure, 'code' | 'action'>>(
  state: CompanyState,
  failure: Told,
  now: number,
): { readonly state: CompanyState; readonly failure: Told } {
  const isRepeated = state.loggedOutAt !== undefined && now - state.loggedOutAt < dayMs
  return { state: { ...state, loggedOutAt: now }, failure: isRepeated ? { ...failure, action: 'wait' } : failure }
}
