/** Normalised phones, E.164 digits without `+`: compared, masked, read from identities (R3 to R5). */

/** True when two phones belong to one WhatsApp account: they are compared by class, not by text (R4). */
export const samePhone = (a: string, b: string): boolean => phoneClass(a) === phoneClass(b)

/**
 * Returns the name of a phone's class: Brazilian mobiles with and without the ninth digit are one class, Mexican
 * numbers with and without the 1, Argentinian with and without the 9. Any other phone is a class of its own.
 */
export function phoneClass(digits: string): string {
  const rule = legacyForms.find(({ modern }) => modern.test(digits))
  return rule ? digits.replace(rule.modern, '$1$2') : digits
}

/** Returns the phone of a WhatsApp identity, without the device part; undefined for a LID or a malformed one (R3). */
export function phoneOfIdentity(jid: string | undefined | null): string | undefined {
  return /^([1-9]\d{4,15})(?::\d{1,5})?@s\.whatsapp\.net$/.exec(jid ?? '')?.[1]
}

/** Masks a phone for logs and displays: `79001***567` (R5). */
export function maskPhone(digits: string): string {
  const tail = digits.length < 10 ? 1 : 3
  const head = digits.length < 10 ? 2 : Math.min(5, digits.length - 6)
  return `${digits.slice(0, head)}***${digits.slice(-tail)}`
}

/** Numbers with two forms, of which `modern` has one digit more, after the calling code or the area code. */
const legacyForms = [
  { modern: /^(55[1-9]\d)9([6-9]\d{7})$/, short: /^(55[1-9]\d)([6-9]\d{7})$/, digit: '9', region: 'BR' },
  { modern: /^(52)1(\d{10})$/, short: /^(52)(\d{10})$/, digit: '1', region: 'MX' },
  { modern: /^(54)9(\d{10})$/, short: /^(54)(\d{10})$/, digit: '9', region: 'AR' },
] as const

/** Returns all forms of a phone's class, the phone itself first. */
export function formsOf(digits: string): string[] {
  const rule = legacyForms.find(({ modern, short }) => modern.test(digits) || short.test(digits))
  if (!rule) return [digits]
  const other = rule.modern.test(digits)
    ? digits.replace(rule.modern, '$1$2')
    : digits.replace(rule.short, `$1${rule.digit}$2`)
  return [digits, other]
}

/** True for two known phones of different accounts. An unknown one must never be a reason to delete a session (R3). */
export const differs = (stored: string | undefined, asked: string | undefined): boolean =>
  stored !== undefined && asked !== undefined && !samePhone(stored, asked)
