/** Items in DynamoDB's JSON, compared with the SDK's conversion. */
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { itemFromWire, itemToWire, type WireItem } from '#shared/dynamo/light/attribute-values.ts'

const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, max: 2 ** 53 - 1, min: -(2 ** 53) + 1 }),
)
const set = <T>(one: fc.Arbitrary<T>) => fc.uniqueArray(one, { minLength: 1, maxLength: 4 }).map((all) => new Set(all))
const bytes = fc.uint8Array({ maxLength: 70 })
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    ...[fc.string(), number, fc.bigInt(), fc.boolean(), fc.constant(null), bytes],
    ...[fc.constant(undefined), set(fc.string()), set(number), set(fc.bigInt()), set(bytes)],
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }).map((map) => new Map(Object.entries(map))),
  ),
}))
const item = fc
  .dictionary(fc.string(), value, { maxKeys: 5 })
  .filter((all) => !('__proto__' in Object.assign({}, all)) || true)

/** The form that the SDK has in memory, with binary values as base64, as on the wire. */
const onWire = (marshalled: object): WireItem =>
  JSON.parse(JSON.stringify(marshalled, (_name, value) => (isBytes(value) ? base64(value) : value)))
const isBytes = (value: unknown) => value instanceof Uint8Array
const base64 = (value: Uint8Array) => Buffer.from(value).toString('base64')

test('any item is written as the SDK writes it, and read as the SDK reads it', () => {
  fc.assert(
    fc.property(item, (original) => {
      const marshalled = marshall(original, { removeUndefinedValues: true })
      const wire = itemToWire(original)
      expect(wire).toEqual(onWire(marshalled))
      expect(itemFromWire(JSON.parse(JSON.stringify(wire)))).toEqual(unmarshall(marshalled))
    }),
  )
})

test.each<[string, unknown, unknown]>([
  ['a buffer', Buffer.from('abc'), { B: 'YWJj' }],
  ['a part of a buffer', Buffer.from('xabcx').subarray(1, 4), { B: 'YWJj' }],
  ['an array buffer', Uint8Array.of(97, 98, 99).buffer, { B: 'YWJj' }],
  ['a view', new DataView(Uint8Array.of(97, 98, 99).buffer, 1), { B: 'YmM=' }],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { M: { a: { N: '1' } } }],
  ['a function in a list', [() => 1, 1], { L: [{ N: '1' }] }],
])('%s is stored', (_name, value, expected) => {
  expect(itemToWire({ value })).toEqual({ value: expected })
})

test.each<[string, unknown]>([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['an integer that is not exact', 2 ** 53],
  ['an empty set', new Set()],
  ['a set of undefined', new Set([undefined])],
  ['a set of lists', new Set([[1]])],
  ['a set of texts and numbers', new Set(['a', 1])],
  ['a date', new Date(0)],
  ['a symbol', Symbol('a')],
])('%s is a bug of the caller, and no outage', (_name, value) => {
  const convert = () => itemToWire({ value })
  expect(convert).toThrow(expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError))
})

test('a type that DynamoDB does not have yet is refused', () => {
  expect(() => itemFromWire({ a: { X: '1' } as object })).toThrow('Unknown type of DynamoDB: X')
})

test.each(['1e40', '-9007199254740993.5'])('%s, which no number can hold, is refused, as by the SDK', (text) => {
  expect(() => itemFromWire({ a: { N: text } })).toThrow(SyntaxError)
  expect(() => unmarshall({ a: { N: text } })).toThrow()
})
