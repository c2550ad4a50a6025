/** Items and values in DynamoDB's JSON, converted as the SDK's document client does with `removeUndefinedValues`. */

export type Item = Readonly<Record<string, unknown>>

/** A value in DynamoDB's JSON: exactly one of the fields. `B` is base64, `N` a decimal number. */
export type WireValue = {
  readonly S?: string
  readonly N?: string
  readonly BOOL?: boolean
  readonly NULL?: boolean
  readonly B?: string
  readonly L?: readonly WireValue[]
  readonly M?: WireItem
  readonly SS?: readonly string[]
  readonly NS?: readonly string[]
  readonly BS?: readonly string[]
}
export type WireItem = { readonly [name: string]: WireValue }

/** The SDK, too, leaves functions out of items. */
const isStored = (value: unknown): boolean => value !== undefined && typeof value !== 'function'

/** Converts an item without its undefined attributes. Throws TypeError or RangeError for values DynamoDB cannot hold. */
export const itemToWire = (item: object): WireItem => entriesToWire(Object.entries(item))

const entriesToWire = (entries: readonly (readonly [string, unknown])[]): WireItem =>
  Object.fromEntries(entries.filter(([, value]) => isStored(value)).map(([name, value]) => [name, toWire(value)]))

function toWire(value: unknown): WireValue {
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'number' || typeof value === 'bigint') return { N: numberText(value) }
  if (typeof value === 'boolean') return { BOOL: value }
  if (value === null) return { NULL: true }
  if (typeof value === 'object') return objectToWire(value)
  throw new TypeError(`DynamoDB cannot hold a ${typeof value}`)
}

function objectToWire(value: object): WireValue {
  if (Array.isArray(value)) return { L: value.filter(isStored).map(toWire) }
  if (isBinary(value)) return { B: base64(value) }
  if (value instanceof Set) return setToWire([...value].filter(isStored))
  if (value instanceof Map) return { M: entriesToWire([...value]) }
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return { M: itemToWire(value) }
  throw new TypeError(`DynamoDB cannot hold an object of the class ${value.constructor.name}`)
}

/** Converts a set, whose values have the type of the first one. */
function setToWire(values: readonly unknown[]): WireValue {
  const all = <T>(isOne: (value: unknown) => value is T, convert: (value: T) => string) =>
    values.length > 0 && values.every(isOne) ? values.map(convert) : undefined
  const [texts, numbers, binaries] = [all(isText, String), all(isNumber, numberText), all(isBinary, base64)]
  if (texts) return { SS: texts }
  if (numbers) return { NS: numbers }
  if (binaries) return { BS: binaries }
  throw new TypeError('A set of DynamoDB holds texts, or numbers, or bytes, and is not empty')
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'
const isBinary = (value: unknown): value is ArrayBufferView | ArrayBuffer =>
  ArrayBuffer.isView(value) || value instanceof ArrayBuffer

function numberText(value: number | bigint): string {
  const isExact = typeof value === 'bigint' || Math.abs(value) <= Number.MAX_SAFE_INTEGER
  if (!isExact) throw new RangeError(`DynamoDB would not hold the number ${value} as it is`)
  return value.toString()
}

function base64(value: ArrayBufferView | ArrayBuffer): string {
  const bytes = ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
  return Buffer.from(bytes as ArrayBuffer).toString('base64')
}

/** Converts an item of an answer. Binary values become `Uint8Array`, integers that are too large for numbers `bigint`. */
export const itemFromWire = (item: WireItem): Item =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, fromWire(value)]))

function fromWire(value: WireValue): unknown {
  if (value.S !== undefined) return value.S
  if (value.N !== undefined) return numberOf(value.N)
  if (value.B !== undefined) return bytesOf(value.B)
  if (value.M !== undefined) return itemFromWire(value.M)
  if (value.L !== undefined) return value.L.map(fromWire)
  if (value.BOOL !== undefined) return value.BOOL
  if (value.NULL !== undefined) return null
  if (value.SS !== undefined) return new Set(value.SS)
  if (value.NS !== undefined) return new Set(value.NS.map(numberOf))
  if (value.BS !== undefined) return new Set(value.BS.map(bytesOf))
  throw new Error(`Unknown type of DynamoDB: ${Object.keys(value).join()}`)
}

function numberOf(text: string): number | bigint {
  const number = Number(text)
  return Math.abs(number) > Number.MAX_SAFE_INTEGER && Number.isFinite(number) ? BigInt(text) : number
}

function bytesOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Reviver for `JSON.parse` that turns binary values into bytes and leaves all else as it is: the form of the items that
 * the SDK's errors carry. Only a binary value has a text under `B` or a list under `BS`; an attribute has an object there.
 */
export function reviveBytes(name: string, value: unknown): unknown {
  if (name === 'B' && typeof value === 'string') return bytesOf(value)
  return name === 'BS' && Array.isArray(value) ? value.map(bytesOf) : value
}
