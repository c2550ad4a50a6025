import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { keepConnected } from '../../../local/cli/connection.ts'

/**
 * Starts a server that accepts the first client, disconnects the second one during its upgrade, and accepts all later
 * ones.
 */
async function flakyServer(): Promise<{ readonly url: string; readonly hangUp: () => void }> {
  const http = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  let tries = 0
  http.on('upgrade', (request, socket, head) => {
    if (++tries === 2) socket.destroy()
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

test('a lost connection is told once, however often it takes to be back', async () => {
  const server = await flakyServer()
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
