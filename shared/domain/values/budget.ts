/** The budget of codes that stops an attempt before WhatsApp blocks the number (R24): a sliding window of moments. */
import { err, ok, type Result } from './result.ts'

/** When codes were taken (epoch ms, ascending), and until when WhatsApp itself wants to hear nothing. */
export type Budget = { readonly taken: readonly number[]; readonly coolUntil?: number }

export type Limit = {
  /** Codes within the window. */
  readonly codes: number
  readonly windowMs: number
}

/** Codes that were taken, by budget and moment, to be given back if they turn out not to be needed. */
export type BudgetTicket = readonly { readonly key: string; readonly at: number }[]

export const emptyBudget: Budget = { taken: [] }

/**
 * Takes one code, or says in how many seconds one can be had. Each code gets a moment of its own, the last in `taken`: what
 * is given back twice must not be another one.
 */
export function takeCode(budget: Budget, limit: Limit, now: number): Result<Budget, { readonly retryAfter: number }> {
  if (budget.coolUntil !== undefined && now < budget.coolUntil) return err(after(budget.coolUntil, now))
  const recent = budget.taken.filter((at) => at > now - limit.windowMs)
  const blocking = recent.at(-limit.codes)
  if (blocking !== undefined) return err(after(blocking + limit.windowMs, now))
  let at = now
  while (recent.includes(at)) at += 1
  return ok({ taken: [...recent, at] })
}

/** Gives back a code that was taken at `at` and then not needed. */
export function giveCodeBack(budget: Budget, at: number): Budget {
  const index = budget.taken.indexOf(at)
  return index < 0 ? budget : { ...budget, taken: budget.taken.toSpliced(index, 1) }
}

/** WhatsApp has said 429: nothing more for this phone until then. */
export const coolDown = (budget: Budget, until: number): Budget => ({
  ...budget,
  coolUntil: Math.max(until, budget.coolUntil ?? 0),
})

const after = (at: number, now: number) => ({ retryAfter: Math.max(1, Math.ceil((at - now) / 1000)) })
