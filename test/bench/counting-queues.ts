/** SQS behind a proxy that counts the messages that are sent, by kind of queue. */
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import * as v from 'valibot'
import { startSqs } from '../../local/services/sqs.ts'

/** Messages sent since the start, commands to hosts and others to the watchdog. */
export type Sent = { readonly commands: number; readonly watchdog: number }

const Send = v.object({ QueueUrl: v.string(), Entries: v.optional(v.array(v.unknown())) })

export async function countingQueues() {
  const engine = await startSqs(undefined)
  const agent = new Agent({ keepAlive: true })
  const sent = { commands: 0, watchdog: 0 }
  const count = (operation: string, body: Buffer) => {
    if (!/\.SendMessage(Batch)?$/.test(operation)) return
    const { QueueUrl, Entries } = v.parse(Send, JSON.parse(body.toString('utf8')))
    sent[/watchdog/i.test(QueueUrl) ? 'watchdog' : 'commands'] += Entries?.length ?? 1
  }
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming)
    count(String(incoming.headers['x-amz-target']), body)
    const { method = 'POST', headers, url: path } = incoming
    const onward = request(engine.url + path, { method, headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => incoming.socket.destroy())
    // A poll whose caller has gone must not take a message with it.
    outgoing.on('close', () => onward.destroy())
    onward.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: (): Sent => ({ ...sent }),
    stop: async () => {
      server.closeAllConnections()
      agent.destroy()
      await new Promise((resolve) => server.close(resolve))
      await engine.stop()
    },
  }
}
