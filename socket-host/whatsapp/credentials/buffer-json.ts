/** JSON that keeps bytes, in the format of Baileys' BufferJSON. Reading it is stricter than BufferJSON. */

/**
 * Writes bytes as `{"type":"Buffer","data":"<base64>"}`. A Buffer reaches the replacer as the result of its `toJSON`,
 * so the original is read from its holder.
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

/** Returns the value, with real Buffers (libsignal accepts no other bytes), or undefined if the text is not JSON. */
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
