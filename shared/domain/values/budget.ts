/** Budget of codes, which stops attempts before WhatsApp blocks the number (R24): a sliding window. */
import { err, ok, type Result } from './result.ts'

/** Times at which codes were taken, ascending, and the end of a cool-down after WhatsApp's 429; epoch ms. */
export type Budget = { readonly taken: readonly number[]; readonly coolUntil?: number }

export type Limit = {
  /** Codes within the window. */
  readonly codes: number
  readonly windowMs: number
}

/** Codes that were taken, by budget and time (epoch ms): given back if they turn out not to be needed. */
export type BudgetTicket = readonly { readonly key: string; readonly at: number }[]

export const emptyBudget: Budget = { taken: [] }

/**
 * Takes one code, or returns in how many seconds there will be one. Each code gets a time of its own, the last in
 * `taken`, so that giving a code back twice cannot remove another one.
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

/** Gives back the code that was taken at `at`. Does nothing when it was given back before. */
export function giveCodeBack(budget: Budget, at: number): Budget {
  const index = budget.taken.indexOf(at)
  return index < 0 ? budget : { ...budget, taken: budget.taken.toSpliced(index, 1) }
}

/** Refuses codes until `until` (epoch ms), or until the end of a longer cool-down that is in force. */
export const coolDown = (budget: Budget, until: number): Budget => ({
  ...budget,
  coolUntil: Math.max(until, budget.coolUntil ?? 0),
})

const after = (at: number, now: number) => ({ retryAfter: Math.max(1, Math.ceil((at - now) / 1000)) })
