/** Redaction of log lines and error reports: no phone in clear, no code, no token, no key (R5). */
import { companyIdFormat } from '../domain/values/company-id.ts'
import { maskPhone } from '../domain/values/phone.ts'

/** Limit of a text in characters; longer ones are cut, so that no input can flood a log. */
const maxTextLength = 8_192
/** Limit of the nesting; deeper fields, such as in errors of libraries, are left out. */
const maxDepth = 6

/** Pattern of all secrets. At each position the first alternative that matches wins. */
const secrets = new RegExp(
  [
    // Ids stay whole: correlation ids must be found again (R37).
    /(?<id>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)/,
    /(?<token>(?<![\w-])eyJ[\w-]+(?:\.[\w-]*){1,4}|(?<=\btoken=)[^&\s"']+|(?<=\bBearer )\S+)/,
    // A QR is `2@` and comma-separated base64, sometimes behind a link.
    /(?<qr>\b\d@[\w+/=,-]{16,})/,
    /(?<key>\b[0-9a-f]{64,}\b)/,
    // Base64 of 30 bytes or more has lower case, upper case and digits; a path or a name rarely has all three.
    /(?<base64>(?<![\w+/-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{40,}={0,2})/,
    // A pairing code in WhatsApp's alphabet, with or without the hyphen; other words of eight capitals are redacted
    // too.
    /(?<code>\b[0-9A-Z]{4}-[0-9A-Z]{4}\b|\b(?=\d{0,7}[A-Z])[1-9A-HJ-NP-TV-Z]{8}\b)/,
    // A phone with a plus, grouped like a local number, or as digits only.
    /(?<phone>\+\d[\d\s().-]{5,20}\d|(?<!\d)(?:\d{1,3}[\s-]?)?\(?\d{3}\)?[\s-]\d{3}[\s-]\d{2}[\s-]?\d{2}\b|(?<!\d)\d{8,15}(?!\d))/,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
  'g',
)

/**
 * Removes phones, pairing codes, tokens, QR strings and keys from a text. It is idempotent: the text beside a
 * replacement may match only afterwards (`79001***567ABCD1`), so it repeats until nothing changes.
 */
export function redact(text: string): string {
  let [before, after] = [text, redactOnce(text)]
  while (after !== before) [before, after] = [after, redactOnce(after)]
  return after
}

/** Redacts once. Each change leaves fewer digits or fewer secrets, so repeating it comes to an end. */
function redactOnce(text: string): string {
  const redacted = text.replace(secrets, (found, ...rest) => {
    const groups: Record<string, string | undefined> = rest.at(-1)
    if (groups['id'] !== undefined) return found
    if (groups['phone'] !== undefined) return maskPhone(found.replace(/\D/g, ''))
    return groups['code'] === undefined ? '[redacted]' : '****-****'
  })
  return redacted.length > maxTextLength ? `${redacted.slice(0, maxTextLength)}…` : redacted
}

/** Makes a value fit for logs: texts redacted, errors as name, message, stack and cause, bytes as their number. */
export const redactValue = (value: unknown): unknown => redactPart(value, 0, new Set())

/** Redacts a part of a value. `above` has the objects around it: an object that contains itself is not followed. */
function redactPart(value: unknown, depth: number, above: ReadonlySet<object>): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value === 'bigint') return redact(String(value))
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth > maxDepth || above.has(value)) return '[…]'
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

/** True for a company id that stays searchable though it may look like a code. Ten digits may be a phone. */
const isTenant = (key: string, part: unknown): boolean =>
  key === 'companyId' && typeof part === 'string' && companyIdFormat.test(part) && !/\d{10}/.test(part)

/** Returns an error's properties, most of which `Object.entries` leaves out. */
function partsOf(error: Error): object {
  const { name, message, stack, cause } = error
  return { ...error, name, message, ...(stack && { stack }), ...(cause !== undefined && { cause }) }
}
