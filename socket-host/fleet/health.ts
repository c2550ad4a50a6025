/** Endpoint of the container's health check, on the loopback interface: a host has no ingress (R32). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Time } from '../time.ts'
import type { SocketHost } from './host.ts'

export type HealthDeps = {
  readonly host: Pick<SocketHost, 'status'>
  readonly time: Time
}

/** Longest stall of the event loop. It is generous: a burst of pairings stalls a healthy host for seconds. */
const maxStallMs = 30_000

type Health = {
  readonly isHealthy: boolean
  readonly stallMs: number
  readonly contactAgoMs: number
  readonly canRead: boolean
}

export type HealthEndpoint = { readonly port: number; close(): Promise<void> }

/** Answers `GET /health` with 200 or 503 on the given port; port 0 picks a free one. */
export async function serveHealth(deps: HealthDeps, port: number): Promise<HealthEndpoint> {
  const loop = monitorEventLoopDelay({ resolution: 100 })
  loop.enable()
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/health') return response.writeHead(404).end()
    const health = judge(deps, loop.max / 1e6)
    loop.reset()
    const { shards, sessions } = deps.host.status()
    const body = JSON.stringify({ ...health, shards, sessions })
    return response.writeHead(health.isHealthy ? 200 : 503, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: portOf(server.address()),
    close: async () => {
      loop.disable()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/**
 * Judges the host by the event loop's longest stall since the last check (`stallMs`), and by whether it can read
 * credentials at all. DynamoDB being away does not make it unhealthy: a new host would not reach the table either, and
 * replacing the fleet would turn an outage of seconds into one of minutes (R49).
 */
export function judge({ host, time }: HealthDeps, stallMs: number): Health {
  const { lastContactAt, canRead } = host.status()
  const contactAgoMs = Math.round(time.monotonic() - lastContactAt)
  return { isHealthy: canRead && stallMs <= maxStallMs, stallMs: Math.round(stallMs), contactAgoMs, canRead }
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address ? address.port : 0
