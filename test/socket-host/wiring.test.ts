import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { parseEnv, SocketHostEnv } from '#shared/config/env.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { close, listen } from '../../local/services/listen.ts'
import { hostDeps } from '../../socket-host/wiring.ts'

/** More than the sockets of a client. */
const adopted = 400

/** A DynamoDB that answers about companies only when it is told to. */
let server: Server
let asked = 0
const told = Promise.withResolvers<void>()
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = await text(request)
    if (body.includes('company-')) {
      asked++
      await told.promise
    }
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{"Responses":{"control":[]}}')
  })
  vi.stubEnv('AWS_ENDPOINT_URL', await listen(server))
  vi.stubEnv('AWS_REGION', 'us-east-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  told.resolve()
  server.closeAllConnections()
  await close(server)
})

it('leases are read while all connections for companies wait for answers', async () => {
  const env = parseEnv(SocketHostEnv, {
    ...{ CONTROL_TABLE: 'control', CREDENTIALS_TABLE: 'credentials', SHARDS: '1', CALLBACK_URL: 'http://callback' },
    ...{ SHARD_0_QUEUE_URL: 'http://queue/shard-0.fifo', WATCHDOG_QUEUE_URL: 'http://queue/watchdog' },
    ...{
      CREDENTIALS_KEY_ARN: 'key',
      PHONE_HASH_SECRET_ARN: 'secret',
      METRICS_NAMESPACE: 'test',
      BUILD_VERSION: 'test',
    },
  })
  const { companies, leases } = hostDeps(env, 'host-1', createLog('test', { level: 'error', write: () => undefined }))
  const companyEnds = () => 'a company'
  const reads = Array.from({ length: adopted }, (_, index) =>
    companies.read(`company-${index}`).then(companyEnds, companyEnds),
  )
  await vi.waitUntil(() => asked >= 256, { timeout: 20_000 })
  expect(await Promise.race([leases.readAll(1).then(() => 'leases'), ...reads])).toBe('leases')
  told.resolve()
  await Promise.all(reads)
})
