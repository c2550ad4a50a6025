import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { connectionsApi } from '#shared/aws/connections-api.ts'
import { close, listen } from '../../../local/services/listen.ts'
import { recordingLog } from '../../fakes/recording-log.ts'
import { account } from './aws-services.ts'

let server: Server | undefined
afterEach(async () => {
  if (server) await close(server)
  server = undefined
})

/** A management API that answers with these statuses in turn, and repeats the last one; 0 is no answer. */
async function setUp(...statuses: number[]) {
  const requests: string[] = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      requests.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`.trim())
      const status = statuses.length > 1 ? statuses.shift() : statuses[0]
      if (status !== 0) response.writeHead(status ?? 200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const log = recordingLog()
  const api = connectionsApi({ callbackUrl: `${await listen(server)}/prod`, log, config: account })
  return { api, log, requests }
}

test('a frame is posted to its connection, below the stage', async () => {
  const { api, requests, log } = await setUp(200)
  expect(await api.post('XfGLwfj9DoECFsg=', '{"event":"pong"}')).toBe('sent')
  expect(requests).toEqual(['POST /prod/@connections/XfGLwfj9DoECFsg%3D {"event":"pong"}'])
  expect(log.lines).toEqual([])
})

test('a connection that is gone is no failure', async () => {
  const { api, requests, log } = await setUp(410)
  expect(await api.post('a', '{}')).toBe('gone')
  expect(requests).toHaveLength(1)
  expect(log.lines).toEqual([])
})

test.each([429, 500, 503])('%i is tried again', async (status) => {
  const { api, requests } = await setUp(status, 200)
  expect(await api.post('a', '{}')).toBe('sent')
  expect(requests).toHaveLength(2)
})

test.each([
  [403, 'error'],
  [413, 'error'],
  [400, 'error'],
  [503, 'warn'],
])('%i for good is logged as %s, not thrown', async (status, level) => {
  const { api, log } = await setUp(status)
  expect(await api.post('a', '{"code":"ABCD-EFGH"}')).toBe('failed')
  expect(log.lines).toMatchObject([{ level, connectionId: 'a', status }])
  expect(JSON.stringify(log.lines)).not.toContain('ABCD-EFGH')
})

test('an API that is silent is given up when time is up', async () => {
  const { api, log } = await setUp(0)
  expect(await api.post('a', '{}', AbortSignal.timeout(100))).toBe('failed')
  expect(log.lines).toMatchObject([{ level: 'warn' }])
})

test('an API that is not there is given up', async () => {
  const log = recordingLog()
  const api = connectionsApi({ callbackUrl: 'http://127.0.0.1:1/prod', log, config: { ...account, maxAttempts: 1 } })
  expect(await api.post('a', '{}')).toBe('failed')
  expect(log.lines).toMatchObject([{ level: 'warn' }])
})

test('a connection is closed by deleting it', async () => {
  const { api, requests } = await setUp(204)
  expect(await api.close('a')).toBe('sent')
  expect(requests).toEqual(['DELETE /prod/@connections/a'])
})
