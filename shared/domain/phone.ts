/** The one normaliser of phone numbers (R1 to R5). Phones are E.164 digits without `+`. */
import { type CountryCode, ParseError, parsePhoneNumberWithError } from 'libphonenumber-js/max'
import { err, ok, type Result } from './result.ts'

/** Why a typed phone was refused; `reason` chooses the sentence, `code` is what the client sees. */
export type PhoneRefusal =
  | {
      readonly code: 'INVALID_PHONE_FORMAT'
      readonly reason: 'empty' | 'characters' | 'extension' | 'length' | 'impossible'
    }
  | { readonly code: 'INVALID_COUNTRY_CODE'; readonly reason: 'countryCode' }

type Parsed = Result<{ readonly digits: string; readonly region: string | undefined }, PhoneRefusal>

const separators = /[\s().\-/\u00ad\u2010-\u2015\u2212\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
const extension = /(ext\.?|extension|доб\.?|x|#|,|;)\s*(=\s*)?\d{1,8}\s*$/i
const fewestDigits = 7
/** E.164 allows 15; national prefixes may add some before parsing. */
const mostDigits = 20

/**
 * Turns what somebody typed into E.164 digits, or says why not. Digits without `+` are read as a number of the default
 * region, and as international when they are none. Never guesses and never throws.
 */
export function normalizePhone(typed: string, defaultRegion: string): Result<string, PhoneRefusal> {
  const trimmed = typed.trim()
  if (trimmed === '') return refused('empty')
  if (extension.test(trimmed)) return refused('extension')
  const compact = trimmed.replace(separators, '')
  if (!/^\+?\d+$/.test(compact)) return refused('characters')
  const digits = compact.replace('+', '')
  if (digits.length < fewestDigits || digits.length > mostDigits) return refused('length')
  const parsed = compact.startsWith('+') ? parseInternational(digits) : parseBare(digits, defaultRegion)
  return parsed.ok ? ok(asSent(parsed.value.digits)) : parsed
}

/** Whether two phones belong to one WhatsApp account: compared by class, not by text (R4). */
export const samePhone = (a: string, b: string): boolean => phoneClass(a) === phoneClass(b)

/**
 * The name of a phone's equivalence class: Brazilian mobiles with and without the ninth digit, Mexican with and without
 * the 1, Argentinian with and without the 9, are one phone each. Any other phone is a class of its own.
 */
export function phoneClass(digits: string): string {
  const rule = legacyForms.find(({ modern }) => modern.test(digits))
  return rule ? digits.replace(rule.modern, '$1$2') : digits
}

/** The phone of a stored WhatsApp identity, device part left out; undefined for a LID or anything malformed (R3). */
export function phoneOfIdentity(jid: string | undefined | null): string | undefined {
  return /^([1-9]\d{4,15})(?::\d{1,5})?@s\.whatsapp\.net$/.exec(jid ?? '')?.[1]
}

/** A phone that may stand in a log line: `79001***567` (R5). */
export function maskPhone(digits: string): string {
  return digits.length < 10
    ? `${digits.slice(0, 2)}***${digits.slice(-1)}`
    : `${digits.slice(0, 5)}***${digits.slice(-3)}`
}

/** A form with one more digit after the calling code (or area code), and where to put it into the shorter form. */
const legacyForms = [
  { modern: /^(55[1-9]\d)9([6-9]\d{7})$/, short: /^(55[1-9]\d)([6-9]\d{7})$/, digit: '9', region: 'BR' },
  { modern: /^(52)1(\d{10})$/, short: /^(52)(\d{10})$/, digit: '1', region: 'MX' },
  { modern: /^(54)9(\d{10})$/, short: /^(54)(\d{10})$/, digit: '9', region: 'AR' },
] as const

/** All forms of a phone's class, the phone itself first. */
function formsOf(digits: string): string[] {
  const rule = legacyForms.find(({ modern, short }) => modern.test(digits) || short.test(digits))
  if (!rule) return [digits]
  const other = rule.modern.test(digits)
    ? digits.replace(rule.modern, '$1$2')
    : digits.replace(rule.short, `$1${rule.digit}$2`)
  return [digits, other]
}

/** WhatsApp knows Mexican numbers without the former mobile prefix 1; all others are sent as typed (R4). */
const asSent = (digits: string): string => digits.replace(/^521(\d{10})$/, '52$1')

function parseBare(digits: string, region: string): Parsed {
  const national = parse(digits, region)
  if (national.ok && national.value.region === region) return national
  const international = parseInternational(digits)
  if (international.ok) return international
  // A neighbour in the same numbering plan (Kazakhstan dials 8 as Russia does), unmistakable once +digits is no number.
  return national.ok ? national : international
}

function parseInternational(digits: string): Parsed {
  const asTyped = parse(`+${digits}`)
  if (asTyped.ok) return asTyped
  // A legacy form counts when another member of its class is valid, but it is sent as typed.
  const valid = formsOf(digits)
    .map((form) => parse(`+${form}`))
    .find((result) => result.ok)
  return valid?.ok ? ok({ digits, region: valid.value.region }) : asTyped
}

function parse(text: string, region?: string): Parsed {
  try {
    const options = region ? { extract: false, defaultCountry: region as CountryCode } : { extract: false }
    const number = parsePhoneNumberWithError(text, options)
    return number.isValid() ? ok({ digits: number.number.slice(1), region: number.country }) : refused('impossible')
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    if (error.message === 'INVALID_COUNTRY') return err({ code: 'INVALID_COUNTRY_CODE', reason: 'countryCode' })
    return refused(error.message === 'NOT_A_NUMBER' ? 'characters' : 'length')
  }
}

function refused(
  reason: Extract<PhoneRefusal, { code: 'INVALID_PHONE_FORMAT' }>['reason'],
): Result<never, PhoneRefusal> {
  return err({ code: 'INVALID_PHONE_FORMAT', reason })
}
