/** The container's health check, on the loopback: a host has no ingress (R32). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Time } from '../time.ts'
import type { SocketHost } from './host.ts'

export type HealthDeps = {
  readonly host: Pick<SocketHost, 'status'>
  readonly time: Time
  /** Without contact to the store for so long the host is unhealthy. */
  readonly contactWithinMs: number
}

/** Bursts of pairings stall the loop for seconds; only a host that does not come back is unhealthy. */
const maxStallMs = 30_000

type Health = { readonly isHealthy: boolean; readonly stallMs: number; readonly contactAgoMs: number }

export type HealthEndpoint = { readonly port: number; close(): Promise<void> }

/** Answers `GET /health` with 200 or 503. */
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

/** Judges by the loop's longest stall since the last question, and by the leases: they are what a host lives by. */
export function judge({ host, time, contactWithinMs }: HealthDeps, stallMs: number): Health {
  const contactAgoMs = Math.round(time.monotonic() - host.status().lastContactAt)
  const isHealthy = contactAgoMs <= contactWithinMs && stallMs <= maxStallMs
  return { isHealthy, stallMs: Math.round(stallMs), contactAgoMs }
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address ? address.port : 0
