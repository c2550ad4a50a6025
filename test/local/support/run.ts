/** Local runs without hosts, and clients for them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { type LocalOptions, type LocalRun, startLocal } from '../../../local/local-run.ts'
import { type TinyCloud, writeAssembly } from './assembly.ts'

/** A run, with its log lines except those about its own progress. */
export type TinyRun = LocalRun & { readonly logged: string[] }

/** Runs a tiny cloud until the test ends. */
export async function runCloud(cloud: TinyCloud, options: LocalOptions = {}): Promise<TinyRun> {
  const logged: string[] = []
  const run = await startLocal({
    assembly: writeAssembly(cloud),
    hosts: 0,
    whatsapp: { kind: 'live' },
    // Without the lines about the run's own progress.
    log: (source, line) => void (source === 'local' || logged.push(line)),
    ...options,
  })
  onTestFinished(() => run.stop())
  return Object.assign(run, { logged })
}

export type TestClient = {
  readonly socket: WebSocket
  send(message: unknown): void
  /** Returns the next text frame that was not read yet. */
  next(): Promise<string>
  nextJson(): Promise<Record<string, unknown>>
  readonly closed: Promise<{ code: number; reason: string }>
}

/** Connects; rejects with an error that has the HTTP status of a refusal. */
export async function connect(
  url: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
): Promise<TestClient> {
  const socket = new WebSocket(url, protocols, { headers })
  const frames: string[] = []
  const waiting: ((frame: string) => void)[] = []
  socket.on('message', (data) => {
    const next = waiting.shift()
    if (next) next(String(data))
    else frames.push(String(data))
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  socket.on('error', () => undefined)
  onTestFinished(() => socket.terminate())
  const next = () =>
    new Promise<string>((resolve) => {
      const frame = frames.shift()
      if (frame === undefined) waiting.push(resolve)
      else resolve(frame)
    })
  return {
    socket,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next,
    nextJson: async () => JSON.parse(await next()) as Record<string, unknown>,
    closed,
  }
}

/** Returns the HTTP status of a refused upgrade; 101 when it is accepted. */
export async function upgradeStatus(
  url: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
): Promise<number> {
  try {
    const client = await connect(url, protocols, headers)
    client.socket.terminate()
    return 101
  } catch (error) {
    return Number(/response: (\d+)/.exec(String(error))?.[1])
  }
}

/** Starts a server that answers its first request only when the test says so. */
export async function heldAnswer(): Promise<{ url: string; asked: Promise<void>; answer(): void }> {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const server = createServer(async (_request, response) => {
    asked.resolve()
    await answered.promise
    response.end()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.closeAllConnections())
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked: asked.promise, answer: () => answered.resolve() }
}
