/** Reads the length of each WebSocket frame from its header. `ws` itself only limits whole messages. */

/** State of the reader: collecting a header, or skipping a payload. */
type Position = { readonly at: 'header'; readonly bytes: Buffer } | { readonly at: 'payload'; readonly left: number }

/**
 * Creates a reader of raw client frames. It calls `onFrame` with each frame's payload length, before the payload has
 * arrived.
 */
export function frameSizes(onFrame: (length: number) => void): (chunk: Buffer) => void {
  let position: Position = { at: 'header', bytes: Buffer.alloc(0) }
  return (chunk) => {
    let rest = chunk
    while (rest.length > 0) {
      if (position.at === 'payload') {
        const skipped = Math.min(position.left, rest.length)
        rest = rest.subarray(skipped)
        position = after(position.left - skipped)
        continue
      }
      const bytes: Buffer = Buffer.concat([position.bytes, rest])
      const header = readHeader(bytes)
      if (header === undefined) {
        position = { at: 'header', bytes }
        return
      }
      onFrame(header.payload)
      rest = bytes.subarray(header.size)
      position = after(header.payload)
    }
  }
}

function after(payloadLeft: number): Position {
  return payloadLeft > 0 ? { at: 'payload', left: payloadLeft } : { at: 'header', bytes: Buffer.alloc(0) }
}

/** Returns the lengths of a frame's header and payload; undefined while the header is incomplete (RFC 6455, 5.2). */
function readHeader(bytes: Buffer): { size: number; payload: number } | undefined {
  const second = bytes[1]
  if (second === undefined) return undefined
  const maskSize = second & 0x80 ? 4 : 0
  const short = second & 0x7f
  const lengthSize = short === 127 ? 8 : short === 126 ? 2 : 0
  const size = 2 + lengthSize + maskSize
  if (bytes.length < size) return undefined
  if (lengthSize === 0) return { size, payload: short }
  return { size, payload: lengthSize === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)) }
}
