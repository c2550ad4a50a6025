/** Budget of codes (R24), for functions and hosts: the keys and the limits of the stored budgets. */
import { createHmac } from 'node:crypto'
import type { BudgetTicket } from '../domain/values/budget.ts'
import { phoneClass } from '../domain/values/phone.ts'
import type { Result } from '../domain/values/result.ts'
import type { BudgetStore, Clock } from '../ports.ts'

export type CodeBudget = {
  /** Takes a code from the budgets of company and phone; a QR request without a phone counts for the company alone. */
  take(
    companyId: string,
    phone: string | undefined,
  ): Promise<Result<BudgetTicket, { /** Seconds. */ readonly retryAfter: number }>>
  /** Gives the codes of a ticket back. Safe to repeat. */
  giveBack(ticket: BudgetTicket): Promise<void>
  /** Refuses codes for this phone until `until` (epoch ms), because WhatsApp answered 429. */
  coolDown(phone: string, until: number): Promise<void>
}

export type CodeBudgetSettings = {
  readonly store: BudgetStore
  readonly clock: Clock
  /** Reads the key of the hashes, which keep phones out of the table. */
  readonly hashSecret: () => Promise<string>
  readonly codesPerPhone: number
  readonly codesPerCompany: number
  readonly windowMs: number
}

/** Returns the limits in the environment. */
export const budgetLimits = (env: {
  readonly CODES_PER_PHONE: number
  readonly CODES_PER_COMPANY: number
  readonly BUDGET_WINDOW_SECONDS: number
}) => ({
  codesPerPhone: env.CODES_PER_PHONE,
  codesPerCompany: env.CODES_PER_COMPANY,
  windowMs: env.BUDGET_WINDOW_SECONDS * 1000,
})

export function codeBudget(settings: CodeBudgetSettings): CodeBudget {
  const { store, clock, hashSecret, windowMs } = settings
  return {
    giveBack: (ticket) => store.giveBack(ticket),
    async take(companyId, phone) {
      const secret = await hashSecret()
      const ofCompany = { key: companyKey(companyId, secret), codes: settings.codesPerCompany, windowMs }
      const ofPhone = phone && { key: phoneKey(phone, secret), codes: settings.codesPerPhone, windowMs }
      return store.take(ofPhone ? [ofPhone, ofCompany] : [ofCompany], clock())
    },
    async coolDown(phone, until) {
      await store.coolDown(phoneKey(phone, await hashSecret()), until, clock())
    },
  }
}

const companyKey = (companyId: string, secret: string) => keyedHash(`company:${companyId}`, secret)
/** Key of a phone's budget: one for all phones of a class. */
const phoneKey = (phone: string, secret: string) => keyedHash(`phone:${phoneClass(phone)}`, secret)

const keyedHash = (text: string, secret: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url')
