/** Request bodies, up to a limit. */
import type { IncomingMessage } from 'node:http'

/**
 * Reads a whole body; undefined when it is longer than `maxBytes`. The rest is still read and dropped, so that the
 * client gets the answer.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  }
  return size <= maxBytes ? Buffer.concat(chunks) : undefined
}
