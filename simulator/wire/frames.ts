/** The header that begins every connection, and the prologue of its handshake: 'WA', protocol 6, dictionary 3. */
export const waHeader = Buffer.from([0x57, 0x41, 6, 3])

/** Cuts the client's byte stream into frames. WebSocket messages are chunks of that stream; they need not be frames. */
export type FrameReader = {
  /** Returns the frames that this chunk completes. Throws when the stream begins with neither routing info nor WA. */
  push(chunk: Buffer): Buffer[]
  /** The edge routing info that the client kept from its last connection, if it sent any. */
  routingInfo(): Buffer | undefined
}

const routingHeader = Buffer.from([0x45, 0x44, 0, 1])
const lengthBytes = 3

/** Makes a reader for a new connection: routing info if the client has any, the WA header, then frames. */
export function readFrames(): FrameReader {
  let buffered: Buffer = Buffer.alloc(0)
  let routingInfo: Buffer | undefined
  let begun = false

  return {
    routingInfo: () => routingInfo,
    push(chunk) {
      buffered = Buffer.concat([buffered, chunk])
      if (!begun) {
        const intro = readIntro(buffered)
        if (!intro) return []
        buffered = buffered.subarray(intro.length)
        routingInfo = intro.routingInfo
        begun = true
      }
      const frames: Buffer[] = []
      for (let frame = firstFrame(buffered); frame; frame = firstFrame(buffered)) {
        frames.push(frame)
        buffered = buffered.subarray(lengthBytes + frame.length)
      }
      return frames
    },
  }
}

/** Returns a frame: the length in three bytes, then the bytes. */
export function frameOf(bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(lengthBytes + bytes.length)
  frame.writeUIntBE(bytes.length, 0, lengthBytes)
  frame.set(bytes, lengthBytes)
  return frame
}

function firstFrame(buffered: Buffer): Buffer | undefined {
  if (buffered.length < lengthBytes) return undefined
  const end = lengthBytes + buffered.readUIntBE(0, lengthBytes)
  return buffered.length < end ? undefined : buffered.subarray(lengthBytes, end)
}

function readIntro(buffered: Buffer): { length: number; routingInfo: Buffer | undefined } | undefined {
  if (buffered.length < waHeader.length) return undefined
  if (buffered.subarray(0, 4).equals(waHeader)) return { length: 4, routingInfo: undefined }
  if (!buffered.subarray(0, 4).equals(routingHeader)) throw new Error('the stream begins with neither ED nor WA')

  if (buffered.length < 7) return undefined
  const end = 7 + buffered.readUIntBE(4, lengthBytes)
  if (buffered.length < end + 4) return undefined
  if (!buffered.subarray(end, end + 4).equals(waHeader)) throw new Error('no WA header after the routing info')
  return { length: end + 4, routingInfo: buffered.subarray(7, end) }
}
