/** Phones once they are known: E.164 digits without `+`, compared, masked, read from identities (R3 to R5). */

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
  const tail = digits.length < 10 ? 1 : 3
  const head = digits.length < 10 ? 2 : Math.min(5, digits.length - 6)
  return `${digits.slice(0, head)}***${digits.slice(-tail)}`
}

/** A form with one more digit after the calling code (or area code), and where to put it into the shorter form. */
const legacyForms = [
  { modern: /^(55[1-9]\d)9([6-9]\d{7})$/, short: /^(55[1-9]\d)([6-9]\d{7})$/, digit: '9', region: 'BR' },
  { modern: /^(52)1(\d{10})$/, short: /^(52)(\d{10})$/, digit: '1', region: 'MX' },
  { modern: /^(54)9(\d{10})$/, short: /^(54)(\d{10})$/, digit: '9', region: 'AR' },
] as const

/** All forms of a phone's class, the phone itself first. */
export function formsOf(digits: string): string[] {
  const rule = legacyForms.find(({ modern, short }) => modern.test(digits) || short.test(digits))
  if (!rule) return [digits]
  const other = rule.modern.test(digits)
    ? digits.replace(rule.modern, '$1$2')
    : digits.replace(rule.short, `$1${rule.digit}$2`)
  return [digits, other]
}
