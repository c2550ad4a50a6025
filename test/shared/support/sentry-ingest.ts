/** Sentry's ingest over loopback HTTP: decodes the envelopes that an SDK sends, compressed or not. */
import { createServer } from 'node:http'
import { gunzipSync } from 'node:zlib'

type SentryEvent = Readonly<Record<string, unknown>> & { readonly fingerprint?: readonly string[] }

export type SentryIngest = {
  readonly dsn: string
  /** Everything that was sent, as text: tests search it for what must not be in it. */
  readonly texts: string[]
  readonly events: SentryEvent[]
  stop(): Promise<void>
}

export async function sentryIngest(): Promise<SentryIngest> {
  const texts: string[] = []
  const events: SentryEvent[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8')
      texts.push(text)
      events.push(...eventsOf(text))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    dsn: `http://key@127.0.0.1:${port}/1`,
    texts,
    events,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An envelope is lines of JSON: its header, then a header and a payload for each item. */
function eventsOf(envelope: string): SentryEvent[] {
  const [, ...items] = envelope.split('\n').filter(Boolean)
  return items.flatMap((line, index) => {
    const isEvent = index % 2 === 0 && JSON.parse(line).type === 'event'
    return isEvent ? [JSON.parse(items[index + 1] ?? '{}')] : []
  })
}
