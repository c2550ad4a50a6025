import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { keepConnected } from '../../../local/cli/connection.ts'

/** Answers the upgrade with this status, or, without one, disconnects. */
const refuse = (socket: Duplex, status: number | undefined) =>
  status === undefined ? socket.destroy() : socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`)

/** Starts a server that accepts the first client, refuses the second upgrade, and accepts all later clients. */
async function flakyServer(status?: number): Promise<{ readonly url: string; readonly hangUp: () => void }> {
  const http = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  let tries = 0
  http.on('upgrade', (request, socket, head) => {
    if (++tries === 2) refuse(socket, status)
    else sockets.handleUpgrade(request, socket, head, (client) => client.send('{"event":"status"}'))
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const hangUp = () => {
    for (const client of sockets.clients) client.terminate()
  }
  onTestFinished(() => {
    hangUp()
    http.close()
  })
  return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, hangUp }
}

test.each([
  ['a connection that breaks', undefined],
  ['no place for a while (R34)', 429],
  ['a store that is away', 503],
])('a lost connection is told once, however often it takes to be back: %s', async (_name, status) => {
  const server = await flakyServer(status)
  const told: string[] = []
  const isBack = Promise.withResolvers<void>()
  const connection = keepConnected(server.url, {
    onOpen: () => told.push('open'),
    onFrame: () => (told.includes('lost') ? isBack.resolve() : server.hangUp()),
    onLost: () => told.push('lost'),
    onRefused: isBack.reject,
  })
  onTestFinished(() => connection.close())
  await isBack.promise
  expect(told).toEqual(['open', 'lost', 'open'])
})

test.each([401, 403])('a client whose token is refused with %i does not try again', async (status) => {
  const server = await flakyServer(status)
  const refused = Promise.withResolvers<Error>()
  const connection = keepConnected(server.url, {
    onOpen: () => undefined,
    onFrame: server.hangUp,
    onLost: () => undefined,
    onRefused: refused.resolve,
  })
  onTestFinished(() => connection.close())
  expect(String(await refused.promise)).toContain(`refused the token (${status})`)
})
