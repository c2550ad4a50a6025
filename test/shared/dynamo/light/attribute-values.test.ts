/** Items in DynamoDB's JSON, compared with the SDK's conversion. */
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { itemFromWire, itemToWire, type WireItem } from '#shared/dynamo/light/attribute-values.ts'

const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, max: 2 ** 53 - 1, min: -(2 ** 53) + 1 }),
)
const bytes = fc.uint8Array({ maxLength: 70 })
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    ...[fc.string(), number, fc.bigInt(), fc.boolean(), fc.constant(null), bytes],
    fc.constant(undefined),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
}))
const item = fc.dictionary(fc.string(), value, { maxKeys: 5 })

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
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { M: { a: { N: '1' } } }],
  ['a function in a list', [() => 1, 1], { L: [{ N: '1' }] }],
])('%s is stored', (_name, value, expected) => {
  expect(itemToWire({ value })).toEqual({ value: expected })
})

test.each<[string, unknown]>([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['an integer that is not exact', 2 ** 53],
  ['a set', new Set(['a'])],
  ['a view of numbers', new Uint16Array(1)],
  ['a date', new Date(0)],
  ['a symbol', Symbol('a')],
])('%s is a bug of the caller, and no outage', (_name, value) => {
  const convert = () => itemToWire({ value })
  expect(convert).toThrow(expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError))
})

test.each(['SS', 'NS', 'BS', 'X'])('the type %s, which no store writes, is refused', (type) => {
  expect(() => itemFromWire({ a: { [type]: ['1'] } as object })).toThrow(
    `The light client does not read the type ${type}`,
  )
})

test.each(['1e40', '-9007199254740993.5'])('%s, which no number can hold, is refused, as by the SDK', (text) => {
  expect(() => itemFromWire({ a: { N: text } })).toThrow(SyntaxError)
  expect(() => unmarshall({ a: { N: text } })).toThrow()
})
