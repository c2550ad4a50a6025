/**
 * The only normaliser of phone numbers (R1, R2, R4). It is a file of its own because libphonenumber's metadata are most
 * of a function's bundle, and few invocations need them.
 */
import { type CountryCode, ParseError, parsePhoneNumberWithError } from 'libphonenumber-js/max'
import { formsOf } from './phone.ts'
import { err, ok, type Result } from './result.ts'

/** Refusal of a typed phone: `code` goes to the client, `reason` chooses the sentence. */
export type PhoneRefusal =
  | {
      readonly code: 'INVALID_PHONE_FORMAT'
      readonly reason: 'empty' | 'characters' | 'extension' | 'length' | 'impossible'
    }
  | { readonly code: 'INVALID_COUNTRY_CODE'; readonly reason: 'countryCode' }

type Parsed = Result<{ readonly digits: string; readonly region: string | undefined }, PhoneRefusal>

const separators = /[\s().\-/\u00ad\u2010-\u2015\u2212\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
const extension = /(ext\.?|extension|доб\.?|x|#|,|;)\s*(=\s*)?\d{1,8}\s*$/i
const minDigits = 7
/** E.164 allows 15; national prefixes may add some before parsing. */
const maxDigits = 20

/**
 * Turns a typed phone into E.164 digits without `+`, or returns why it cannot. Digits without `+` are read as a number
 * of the default region (a country code such as `RU`), and as international if they are none. Never guesses, never
 * throws.
 */
export function normalizePhone(typed: string, defaultRegion: string): Result<string, PhoneRefusal> {
  const trimmed = typed.trim()
  if (trimmed === '') return refused('empty')
  if (extension.test(trimmed)) return refused('extension')
  const compact = trimmed.replace(separators, '')
  if (!/^\+?\d+$/.test(compact)) return refused('characters')
  const digits = compact.replace('+', '')
  if (digits.length < minDigits || digits.length > maxDigits) return refused('length')
  const parsed = compact.startsWith('+') ? parseInternational(digits) : parseBare(digits, defaultRegion)
  return parsed.ok ? ok(asSent(parsed.value.digits)) : parsed
}

/** Digits as WhatsApp expects them: Mexican numbers without the former mobile prefix 1, all others as typed (R4). */
const asSent = (digits: string): string => digits.replace(/^521(\d{10})$/, '52$1')

function parseBare(digits: string, region: string): Parsed {
  const national = parse(digits, region)
  if (national.ok && national.value.region === region) return national
  const international = parseInternational(digits)
  if (international.ok) return international
  // A number of a neighbour in the same plan (Kazakhstan dials 8 as Russia does): +digits is not a number, so it is
  // unambiguous.
  return national.ok ? national : international
}

function parseInternational(digits: string): Parsed {
  const asTyped = parse(`+${digits}`)
  if (asTyped.ok) return asTyped
  // An old form is accepted when another form of its class is valid; it is sent as typed (R4).
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
