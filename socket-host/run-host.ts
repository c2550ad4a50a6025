/** Runs a host from its start to the end of its drain. */
import type { SocketHostEnv } from '#shared/config/env.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { serveHealth } from './fleet/health.ts'
import { socketHost } from './fleet/host.ts'
import { keepMeasuring } from './fleet/host-metrics.ts'
import { blameSocket } from './whatsapp/current-socket.ts'
import { hostDeps } from './wiring.ts'

export type HostRun = {
  readonly env: SocketHostEnv
  readonly hostId: string
  readonly log: Log
  /** Sends the error reports that are still pending. */
  readonly flushReports: () => Promise<void>
}

/** Starts the host. It runs until SIGTERM or SIGINT ends the process. */
export async function runHost({ env, hostId, log, flushReports }: HostRun): Promise<void> {
  const deps = hostDeps(env, hostId, log)
  const host = socketHost(deps)

  /** Keeps the process alive: an error that a socket has thrown must cost at most that socket (R41). */
  const survive = (error: unknown) => {
    if (blameSocket(error)) log.warn('Socket failed', { error })
    else log.error('Unexpected error', { error })
  }
  const health = await serveHealth({ host, time: deps.time }, env.HEALTH_PORT)
  log.info('Health endpoint listening', { port: health.port })
  process.on('unhandledRejection', survive)
  process.on('uncaughtException', survive)
  host.start()
  const stopMeasuring = keepMeasuring(
    { ...deps, target: env.SESSIONS_PER_HOST, staleMs: env.LEASE_STALE_MS },
    host,
    hostId,
  )

  const hurry = new AbortController()
  let isStopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))

  /** Drains the host and ends the process. A second signal ends the wait for running attempts. */
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (isStopping) return hurry.abort()
    isStopping = true
    log.info('Host stopping', { signal })
    await host.drain(hurry.signal)
    await Promise.all([stopMeasuring(), health.close(), flushReports()])
    log.info('Host stopped')
    process.exit(0)
  }
}
