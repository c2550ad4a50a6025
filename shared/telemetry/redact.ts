/** What may stand in a log line or an error report: no phone in clear, no code, no token, no key (R5). */
import { companyIdFormat } from '../domain/values/company-id.ts'
import { maskPhone } from '../domain/values/phone.ts'

/** Longest text that is kept; what is longer is cut, so that no input can flood a log. */
const maxTextLength = 8_192
/** Nesting beyond which fields are left out: nothing of ours is that deep, but an error of a library may be. */
const deepest = 6

/** One pattern, tried from left to right at each position: what an earlier alternative has taken, a later one cannot. */
const secrets = new RegExp(
  [
    // Ids stay whole: correlation ids must be found again (R37).
    /(?<id>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)/,
    /(?<token>(?<![\w-])eyJ[\w-]+(?:\.[\w-]*){1,4}|(?<=\btoken=)[^&\s"']+|(?<=\bBearer )\S+)/,
    // A QR is `2@` and comma-separated base64, sometimes behind a link.
    /(?<qr>\b\d@[\w+/=,-]{16,})/,
    /(?<key>\b[0-9a-f]{64,}\b)/,
    // Base64 of 30 bytes and more has lower case, upper case and digits; a path or a name seldom has all three.
    /(?<base64>(?<![\w+/-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{40,}={0,2})/,
    // As WhatsApp's alphabet has it, with the hyphen or without; eight capitals in a row are no loss either.
    /(?<code>\b[0-9A-Z]{4}-[0-9A-Z]{4}\b|\b(?=\d{0,7}[A-Z])[1-9A-HJ-NP-TV-Z]{8}\b)/,
    // With a plus, as a local number is written, or as bare digits.
    /(?<phone>\+\d[\d\s().-]{5,20}\d|(?<!\d)(?:\d{1,3}[\s-]?)?\(?\d{3}\)?[\s-]\d{3}[\s-]\d{2}[\s-]?\d{2}\b|(?<!\d)\d{8,15}(?!\d))/,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
  'g',
)

/**
 * A text without phones, pairing codes, tokens, QR strings and keys. Applied twice it changes nothing more: what stands
 * beside a replacement may become readable as a secret by it (`79001***567ABCD1`), so it is looked at until nothing is.
 */
export function redact(text: string): string {
  let [before, after] = [text, redactOnce(text)]
  while (after !== before) [before, after] = [after, redactOnce(after)]
  return after
}

/** Each change leaves fewer digits or fewer secrets: there is a last one. */
function redactOnce(text: string): string {
  const redacted = text.replace(secrets, (found, ...rest) => {
    const groups: Record<string, string | undefined> = rest.at(-1)
    if (groups['id'] !== undefined) return found
    if (groups['phone'] !== undefined) return maskPhone(found.replace(/\D/g, ''))
    return groups['code'] === undefined ? '[redacted]' : '****-****'
  })
  return redacted.length > maxTextLength ? `${redacted.slice(0, maxTextLength)}…` : redacted
}

/** A value as it may be logged: every text in it redacted, errors as name, message, stack and cause, bytes as a length. */
export const redactValue = (value: unknown): unknown => redactPart(value, 0, new Set())

/** `above` holds the objects that this one lies in: an object inside itself is not followed. */
function redactPart(value: unknown, depth: number, above: ReadonlySet<object>): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value === 'bigint') return redact(String(value))
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest || above.has(value)) return '[…]'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  const inside = new Set([...above, value])
  if (Array.isArray(value)) return value.map((item) => redactPart(item, depth + 1, inside))
  if (value instanceof Map || value instanceof Set) return redactPart([...value], depth + 1, inside)
  const entries = Object.entries(value instanceof Error ? partsOf(value) : value)
  return Object.fromEntries(
    entries.map(([key, part]) => [redact(key), isTenant(key, part) ? part : redactPart(part, depth + 1, inside)]),
  )
}

/** A company must be found by its id, which may look like a code or a short number; one of ten digits may be a phone. */
const isTenant = (key: string, part: unknown): boolean =>
  key === 'companyId' && typeof part === 'string' && companyIdFormat.test(part) && !/\d{10}/.test(part)

/** An error's parts, most of which JSON does not see. */
function partsOf(error: Error): object {
  const { name, message, stack, cause } = error
  return { ...error, name, message, ...(stack && { stack }), ...(cause !== undefined && { cause }) }
}
