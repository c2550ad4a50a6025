/**
 * A program that `control-plane-hostile.ts` runs: one tenant who plays one act as fast as it can until its input ends, and
 * then prints how its requests were answered. It is a process of its own, so that its load is not that of the gateway.
 */
import { setTimeout as pause } from 'node:timers/promises'
import * as v from 'valibot'
import { WebSocket } from 'ws'

const Settings = v.object({
  act: v.string(),
  url: v.string(),
  wsUrl: v.string(),
  companyId: v.string(),
  token: v.string(),
  /** Number of the tenant, and those of other tenants. */
  phone: v.string(),
  phones: v.array(v.string()),
})
const text = v.optional(v.string())
const Frame = v.object({ event: text, code: text, message: text, requestId: text })

const { act, url, wsUrl, companyId, token, phone, phones } = v.parse(Settings, JSON.parse(process.argv[2] ?? ''))
const maxOpen = 2_000
const counts: Record<string, number> = {}
const sockets = new Set<WebSocket>()
let isOver = false

const count = (what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1
}

/** Opens a connection; undefined when it is refused. Frames are counted by event, refusals by their code too. */
async function open(): Promise<WebSocket | undefined> {
  const socket = new WebSocket(`${wsUrl}?token=${token}`)
  socket.on('message', (data) => {
    const { event, code, message } = v.parse(Frame, JSON.parse(String(data)))
    if (event === undefined) count(`gateway: ${message}`)
    else count(/error$/.test(event) ? `${event} ${code}` : event)
  })
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true))
    socket.once('unexpected-response', (_request, { statusCode }) => {
      count(`connect refused ${statusCode}`)
      resolve(false)
    })
    socket.on('error', () => resolve(false))
  })
  if (!opened) {
    socket.terminate()
    return undefined
  }
  count('connected')
  sockets.add(socket)
  socket.once('close', (code) => {
    sockets.delete(socket)
    if (!isOver) count(`connection closed ${code}`)
  })
  return socket
}

/** Repeats the work in several loops side by side. A refused connection is tried again after a moment. */
const loops = (many: number, work: () => Promise<unknown>) =>
  Promise.all(
    Array.from({ length: many }, async () => {
      while (!isOver) await work()
    }),
  )

/** Keeps connections open and lets `use` send on each, again and again. */
const onConnections = (many: number, use: (socket: WebSocket) => Promise<unknown>) =>
  loops(many, async () => {
    const socket = await open()
    if (!socket) return pause(100)
    while (!isOver && socket.readyState === WebSocket.OPEN) await use(socket)
    return socket.terminate()
  })

let requests = 0
const send = (socket: WebSocket, message: object): void => socket.send(JSON.stringify(message))

/** Sends a message and waits for its answer, or for the end of the connection. */
async function ask(socket: WebSocket, message: object, isAnswer: (event: string) => boolean): Promise<void> {
  const requestId = `hostile-${++requests}`
  const { promise, resolve } = Promise.withResolvers<void>()
  const listen = (data: unknown) => {
    const frame = v.parse(Frame, JSON.parse(String(data)))
    const isOwn = frame.requestId === requestId || frame.requestId === undefined
    if (isOwn && (isAnswer(frame.event ?? '') || /error/.test(frame.event ?? 'error'))) resolve()
  }
  socket.on('message', listen)
  socket.once('close', resolve)
  send(socket, { ...message, requestId })
  await Promise.race([promise, pause(5_000, undefined, { ref: false })])
  socket.off('message', listen)
  socket.off('close', resolve)
}

async function call(method: string, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${url}/api/whatsapp/sessions/${companyId}${path}`, { method, headers }).catch(
    () => undefined,
  )
  await answer?.arrayBuffer()
  count(`${method} ${answer?.status ?? 'failed'}`)
}

const acts: Readonly<Record<string, () => Promise<unknown>>> = {
  connections: () => loops(16, async () => (sockets.size < maxOpen ? open() : pause(100))),
  // Just below the rate of a connection: above it the messages would be refused before anything is decided.
  identical: () =>
    onConnections(10, async (socket) => {
      count('sent')
      send(socket, { action: 'request-pairing-code', phoneNumber: phone, requestId: `hostile-${++requests}` })
      await pause(1_000 / 18)
    }),
  resets: () =>
    Promise.all([
      onConnections(5, (socket) =>
        ask(socket, { action: 'reset-whatsapp-credentials' }, (e) => e === 'credentials-reset'),
      ),
      loops(5, () => call('DELETE', '/credentials')),
    ]),
  // Two numbers in turns: a request for another number ends the attempt, and the ten codes of a company are five for each.
  foreign: () =>
    onConnections(1, (socket) => {
      const phoneNumber = phones[requests % Math.min(2, phones.length)]
      return ask(socket, { action: 'request-pairing-code', phoneNumber }, (event) => event === 'pairing-code')
    }),
  http: () => loops(32, () => call('GET', '')),
  messages: () =>
    onConnections(8, async (socket) => {
      for (let n = 0; n < 20 && socket.bufferedAmount < 65_536; n++) {
        count('sent')
        send(socket, { action: 'ping', requestId: `hostile-${++requests}` })
      }
      await pause(20)
    }),
}

const play = acts[act]
if (!play) throw new Error(`no act ${act}; there are ${Object.keys(acts).join(', ')}`)
process.stdin.on('end', () => {
  isOver = true
  for (const socket of sockets) socket.terminate()
  process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit())
})
process.stdin.resume()
process.stdout.write('ready\n')
await play()
