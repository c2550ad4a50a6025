/** Request bodies, up to a limit. */
import type { IncomingMessage } from 'node:http'

/** Reads a body whole; undefined when it is longer than `maxBytes`. The rest is read and dropped, so that the answer arrives. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  }
  return size <= maxBytes ? Buffer.concat(chunks) : undefined
}
