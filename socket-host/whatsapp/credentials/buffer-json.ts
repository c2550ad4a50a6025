/** Credentials as JSON in which bytes survive: the text of Baileys' BufferJSON, read without its guesses. */

/**
 * Bytes become `{"type":"Buffer","data":"<base64>"}`. A Buffer reaches the replacer as what its `toJSON` made of it,
 * hence the look at the holder.
 */
export function encodeJson(value: unknown): Buffer {
  const text = JSON.stringify(value, function (this: unknown, name, converted) {
    const original: unknown = typeof this === 'object' && this !== null ? Reflect.get(this, name) : converted
    if (!(original instanceof Uint8Array)) return converted
    const data = Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('base64')
    return { type: 'Buffer', data }
  })
  return Buffer.from(text)
}

/** The value, with real Buffers (libsignal refuses any other bytes); undefined when the text is no JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString(), (_name, value) =>
      isBytes(value) ? Buffer.from(value.data, 'base64') : value,
    )
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const isBytes = (value: unknown): value is { readonly data: string } =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  value.type === 'Buffer' &&
  'data' in value &&
  typeof value.data === 'string'
