/** Budget of codes (R24), for functions and hosts: the keys and the limits of the stored budgets. */
import type { BudgetTicket } from '../domain/values/budget.ts'
import type { Result } from '../domain/values/result.ts'
import type { PhoneLinks } from '../dynamo/clients/phone-links.ts'
import type { BudgetStore, Clock } from '../ports.ts'
import { keyedHash, phoneHash } from './phone-hash.ts'

export type CodeBudget = {
  /**
   * Takes a code from the budgets of company and phone; a QR request without a phone counts for the company alone.
   *
   * A phone that a company has linked, until 30 days after the end of the link, has an owner, and keeps codes for it:
   * companies that have not linked it are refused once `codesPerForeignPhone` codes are taken in the window, whoever took
   * them, and those that have at `codesPerPhone`. While no company has linked it, each may take all of them.
   *
   * Throws `StoreUnavailable`, with nothing taken, when the links cannot be read: they are in the table of the budgets,
   * and a guess would either give the owner's codes away or refuse the owner.
   */
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
  readonly links: Pick<PhoneLinks, 'companiesOf'>
  readonly clock: Clock
  /** Reads the key of the hashes, which keep phones out of the table. */
  readonly hashSecret: () => Promise<string>
  readonly codesPerPhone: number
  /** Limit for companies that have not linked the phone, while another one has; no more than `codesPerPhone`. */
  readonly codesPerForeignPhone: number
  readonly codesPerCompany: number
  readonly windowMs: number
}

/** Returns the limits in the environment. */
export const budgetLimits = (env: {
  readonly CODES_PER_PHONE: number
  readonly CODES_PER_FOREIGN_PHONE: number
  readonly CODES_PER_COMPANY: number
  readonly BUDGET_WINDOW_SECONDS: number
}) => ({
  codesPerPhone: env.CODES_PER_PHONE,
  codesPerForeignPhone: env.CODES_PER_FOREIGN_PHONE,
  codesPerCompany: env.CODES_PER_COMPANY,
  windowMs: env.BUDGET_WINDOW_SECONDS * 1000,
})

export function codeBudget(settings: CodeBudgetSettings): CodeBudget {
  const { store, links, clock, hashSecret, windowMs } = settings
  const codesFor = async (companyId: string, key: string): Promise<number> => {
    const owners = await links.companiesOf(key, clock())
    const isForeign = owners.length > 0 && !owners.some((owner) => owner.companyId === companyId)
    return isForeign ? Math.min(settings.codesPerForeignPhone, settings.codesPerPhone) : settings.codesPerPhone
  }
  return {
    giveBack: (ticket) => store.giveBack(ticket),
    async take(companyId, phone) {
      const secret = await hashSecret()
      const ofCompany = { key: companyKey(companyId, secret), codes: settings.codesPerCompany, windowMs }
      if (!phone) return store.take([ofCompany], clock())
      const key = phoneHash(phone, secret)
      // The company's first: one without codes must not occupy those of a phone, not even for a moment.
      return store.take([ofCompany, { key, codes: await codesFor(companyId, key), windowMs }], clock())
    },
    async coolDown(phone, until) {
      await store.coolDown(phoneHash(phone, await hashSecret()), until, clock())
    },
  }
}

const companyKey = (companyId: string, secret: string) => keyedHash(`company:${companyId}`, secret)
