/** DynamoDB behind a proxy that delays the requests about one company. */
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { startDynalite } from '../contracts/engines/engines.ts'

export type SlowRows = {
  readonly url: string
  /** Delays each request that names the company by `ms`, until the next call; undefined delays none. */
  readonly delay: (companyId: string | undefined, ms?: number) => void
  /** Number of requests that were delayed. */
  readonly delayed: () => number
  readonly stop: () => Promise<void>
}

export async function slowRows(): Promise<SlowRows> {
  const engine = await startDynalite()
  const agent = new Agent({ keepAlive: true })
  let delayed = 0
  let slow: { readonly companyId: string; readonly ms: number } | undefined
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming)
    if (slow && body.includes(slow.companyId)) {
      delayed += 1
      await pause(slow.ms)
    }
    const { method, headers } = incoming
    const onward = request(engine.url, { method: method ?? 'POST', headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => incoming.socket.destroy())
    onward.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delay: (companyId, ms = 0) => {
      slow = companyId === undefined ? undefined : { companyId, ms }
    },
    delayed: () => delayed,
    stop: async () => {
      server.closeAllConnections()
      agent.destroy()
      await new Promise((resolve) => server.close(resolve))
      await engine.stop()
    },
  }
}
