import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskPhone, phoneOfIdentity, samePhone } from '#shared/domain/values/phone.ts'
import { normalizePhone } from '#shared/domain/values/phone-input.ts'

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((numbers) => numbers.join(''))
/** Mostly valid numbers, of the countries whose phones have more than one form and of some others. */
const plausible = fc.oneof(
  fc
    .tuple(fc.constantFrom('7900', '7701', '1202555', '4915', '99890', '8900'), digits(4, 8))
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('5511', '55119', '5549', '5551'), fc.constantFrom('', '6', '7', '8', '9', '3'), digits(7, 7))
    .map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('5255', '52155', '5233'), digits(8, 8)).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('5411', '54911', '54351'), digits(7, 8)).map((parts) => parts.join('')),
)
/** Any UTF-16, well-formed or not. */
const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))
const typed = fc.oneof(
  fc.string({ unit: codeUnit }),
  fc.string({ unit: fc.constantFrom(...'0123456789+()- .xext#;доб\u00a0') }),
  digits(0, 22),
  plausible,
  plausible.map((text) => `+${text}`),
)
const region = fc.constantFrom('RU', 'US', 'BR', 'MX', 'AR', 'KZ')

/** Every way of writing a phone's account, from any of its forms. */
const account = fc.oneof(
  digits(8, 8).map((tail) => [`55119${8}${tail.slice(1)}`, `5511${8}${tail.slice(1)}`]),
  digits(8, 8).map((tail) => [`5255${tail}`, `52155${tail}`]),
  digits(8, 8).map((tail) => [`5411${tail}`, `54911${tail}`]),
  digits(7, 7).map((tail) => [`7900${tail}`]),
)

describe('whatever is typed', () => {
  test('is answered with digits or a refusal', () => {
    fc.assert(
      fc.property(typed, region, (text, where) => {
        const result = normalizePhone(text, where)
        if (result.ok) expect(result.value).toMatch(/^[1-9]\d{6,14}$/)
        else expect(['INVALID_PHONE_FORMAT', 'INVALID_COUNTRY_CODE']).toContain(result.error.code)
      }),
      { numRuns: 1000 },
    )
  })

  test('what was normalised once stays as it is, in every region', () => {
    fc.assert(
      fc.property(typed, region, region, (text, where, elsewhere) => {
        const first = normalizePhone(text, where)
        if (first.ok) expect(normalizePhone(`+${first.value}`, elsewhere)).toEqual(first)
      }),
      { numRuns: 1000 },
    )
  })

  test('an identity has a phone or none', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          digits(1, 18).map((text) => `${text}:1@s.whatsapp.net`),
        ),
        (jid) => {
          expect(phoneOfIdentity(jid) ?? '7').toMatch(/^\d+$/)
        },
      ),
    )
  })

  test('being of one account is an equivalence', () => {
    fc.assert(
      fc.property(account, account, (one, other) => {
        const phones = [...one, ...other]
        for (const a of phones) {
          expect(samePhone(a, a)).toBe(true)
          for (const b of phones) {
            expect(samePhone(a, b)).toBe(samePhone(b, a))
            for (const c of phones) if (samePhone(a, b) && samePhone(b, c)) expect(samePhone(a, c)).toBe(true)
          }
        }
        expect(one.every((form) => samePhone(form, one[0]!))).toBe(true)
      }),
    )
  })

  test('normalising never moves a phone to another account', () => {
    fc.assert(
      fc.property(account, (forms) => {
        const results = forms.map((form) => normalizePhone(`+${form}`, 'RU'))
        expect(new Set(results.map(({ ok }) => ok)).size).toBe(1)
        for (const result of results) if (result.ok) expect(samePhone(result.value, forms[0]!)).toBe(true)
      }),
    )
  })

  test('a masked phone shows neither its middle nor its length', () => {
    fc.assert(
      fc.property(digits(7, 15), (phone) => {
        const masked = maskPhone(phone)
        expect(masked).toMatch(/^\d{2,5}\*{3}\d{1,3}$/)
        expect(masked.replaceAll('*', '').length).toBeLessThan(phone.length)
        expect(masked.startsWith(phone.slice(0, 2)) && masked.endsWith(phone.slice(-1))).toBe(true)
      }),
    )
  })
})
