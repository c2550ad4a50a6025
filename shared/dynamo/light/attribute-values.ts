/** Items and values in DynamoDB's JSON, converted as the SDK's document client does with `removeUndefinedValues`. */

/** A value in DynamoDB's JSON, without sets: exactly one of the fields. `B` is base64, `N` a decimal number. */
export type WireValue = Partial<Scalars & { L: readonly WireValue[]; M: WireItem }>
type Scalars = { S: string; N: string; B: string; BOOL: boolean; NULL: boolean }
export type WireItem = { readonly [name: string]: WireValue }

/** The SDK, too, leaves functions out of items. */
const isStored = (value: unknown): boolean => value !== undefined && typeof value !== 'function'

/**
 * Converts an item without its undefined attributes. Throws TypeError or RangeError for a value that DynamoDB cannot hold,
 * and for sets, which no store writes.
 */
export const itemToWire = (item: object): WireItem =>
  Object.fromEntries(Object.entries(item).flatMap(([name, value]) => (isStored(value) ? [[name, toWire(value)]] : [])))

function toWire(value: unknown): WireValue {
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'number' || typeof value === 'bigint') return { N: numberText(value) }
  if (typeof value === 'boolean') return { BOOL: value }
  if (value === null) return { NULL: true }
  if (Array.isArray(value)) return { L: value.filter(isStored).map(toWire) }
  if (value instanceof Uint8Array) return { B: base64(value) }
  if ([Object.prototype, null].includes(Object.getPrototypeOf(value))) return { M: itemToWire(value as object) }
  throw new TypeError(`The light client does not store ${String(value)}`)
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')

function numberText(value: number | bigint): string {
  const isExact = typeof value === 'bigint' || Math.abs(value) <= Number.MAX_SAFE_INTEGER
  if (!isExact) throw new RangeError(`DynamoDB would not hold the number ${value} as it is`)
  return value.toString()
}

/**
 * Converts an item of an answer. Binary values become `Uint8Array`, integers that are too large for numbers `bigint`.
 * Throws Error for a set or an unknown type, and SyntaxError for a number that neither of them holds.
 */
export const itemFromWire = (item: WireItem): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, fromWire(value)]))

function fromWire(value: WireValue): unknown {
  if (value.S !== undefined) return value.S
  if (value.N !== undefined) return numberOf(value.N)
  if (value.B !== undefined) return bytesOf(value.B)
  if (value.M !== undefined) return itemFromWire(value.M)
  if (value.L !== undefined) return value.L.map(fromWire)
  if (value.BOOL !== undefined) return value.BOOL
  if (value.NULL !== undefined) return null
  throw new Error(`The light client does not read the type ${Object.keys(value).join()}`)
}

function numberOf(text: string): number | bigint {
  const number = Number(text)
  return Math.abs(number) > Number.MAX_SAFE_INTEGER && Number.isFinite(number) ? BigInt(text) : number
}

/** A copy: a view of a small buffer of Node would keep all 8 KB of its pool. */
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
