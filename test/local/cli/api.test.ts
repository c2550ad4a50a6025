import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from '../../../local/cli/api.ts'

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([200, 204, 409])('an answer is what the server says: %d', async (status) => {
  const text = status === 204 ? '' : '{"code":"X"}'
  const url = await serve((_request, response) => response.writeHead(status).end(text))
  expect(await ask(url, {}, 'hint')).toEqual({ status, ok: status < 300, text })
})

test.each<[string, RequestListener]>([
  ['that says nothing', () => undefined],
  ['that stops in the middle', (_request, response) => void response.writeHead(200).write('{')],
])('a server %s is not waited for without end', async (_name, listener) => {
  const url = await serve(listener)
  await expect(ask(`${url}/api`, {}, 'Is it running?', 50)).rejects.toThrow(`${url} did not answer`)
})

test('a server that is not there is named', async () => {
  await expect(ask('http://127.0.0.1:1/api', {}, 'Is it running?')).rejects.toThrow(
    'Cannot reach http://127.0.0.1:1. Is it running?',
  )
})
