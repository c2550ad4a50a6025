/** The budget of codes (R24), alike in functions and hosts: under which keys it is kept, and what may be taken. */
import { createHmac } from 'node:crypto'
import type { BudgetTicket } from '../domain/values/budget.ts'
import { phoneClass } from '../domain/values/phone.ts'
import type { Result } from '../domain/values/result.ts'
import type { BudgetStore, Clock } from '../ports.ts'

export type CodeBudget = {
  /** Takes a code for the company and the phone; a QR without a named phone counts for the company alone. */
  take(
    companyId: string,
    phone: string | undefined,
  ): Promise<Result<BudgetTicket, { /** Seconds. */ readonly retryAfter: number }>>
  giveBack(ticket: BudgetTicket): Promise<void>
  /** WhatsApp itself has said 429: no codes for this phone until then (epoch ms). */
  coolDown(phone: string, until: number): Promise<void>
}

export type CodeBudgetSettings = {
  readonly store: BudgetStore
  readonly clock: Clock
  /** Keys the hashes, so that the table never shows a phone. */
  readonly hashSecret: () => Promise<string>
  readonly codesPerPhone: number
  readonly codesPerCompany: number
  readonly windowMs: number
}

/** The limits in a runtime's environment. */
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
/** One key for all forms of a phone. */
const phoneKey = (phone: string, secret: string) => keyedHash(`phone:${phoneClass(phone)}`, secret)

const keyedHash = (text: string, secret: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url')
