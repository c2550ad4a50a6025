/** Under which keys and limits codes are budgeted (R24), alike in functions and hosts. */
import { createHmac } from 'node:crypto'
import { phoneClass } from './domain/phone.ts'
import type { BudgetStore } from './ports.ts'

export type BudgetSettings = {
  /** Keys the hashes, so that the table never shows a phone. */
  readonly hashSecret: string
  readonly codesPerPhone: number
  readonly codesPerCompany: number
  readonly windowMs: number
}

type Limits = Parameters<BudgetStore['take']>[0]

/** The budgets that one code for a phone of a company is taken from; a QR without a named phone counts for the company. */
export function codeLimits(companyId: string, phone: string | undefined, settings: BudgetSettings): Limits {
  const { codesPerPhone, codesPerCompany, windowMs, hashSecret } = settings
  const ofCompany = { key: keyedHash(`company:${companyId}`, hashSecret), codes: codesPerCompany, windowMs }
  return phone ? [{ key: phoneKey(phone, hashSecret), codes: codesPerPhone, windowMs }, ofCompany] : [ofCompany]
}

/** One key for all forms of a phone. */
export const phoneKey = (phone: string, hashSecret: string): string =>
  keyedHash(`phone:${phoneClass(phone)}`, hashSecret)

const keyedHash = (text: string, secret: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url')
