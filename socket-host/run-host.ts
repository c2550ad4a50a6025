/** A host from its first socket to its last. */
import type { SocketHostEnv } from '#shared/config/env.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { serveHealth } from './fleet/health.ts'
import { socketHost } from './fleet/host.ts'
import { keepMeasuring } from './fleet/host-metrics.ts'
import { blameSocket } from './whatsapp/baileys-whatsapp.ts'
import { hostDeps } from './wiring.ts'

/** Without contact to the store for so long a host is replaced; outages shorter than that it sits out. */
const contactWithinMs = 60_000

export type HostRun = {
  readonly env: SocketHostEnv
  readonly hostId: string
  readonly log: Log
  /** Sends the reports about errors that are on their way. */
  readonly flushReports: () => Promise<void>
}

/** Starts the host; it runs until a signal ends the process. */
export async function runHost({ env, hostId, log, flushReports }: HostRun): Promise<void> {
  const deps = hostDeps(env, hostId, log)
  const host = socketHost(deps)

  /** One bad session must not harm the others (R41): what a socket has thrown costs at most that socket. */
  const survive = (error: unknown) => {
    if (blameSocket(error)) log.warn('a socket has failed', { error })
    else log.error('unexpected error', { error })
  }
  const health = await serveHealth({ host, time: deps.time, contactWithinMs }, env.HEALTH_PORT)
  log.info('health is served', { port: health.port })
  process.on('unhandledRejection', survive)
  process.on('uncaughtException', survive)
  host.start()
  const stopMeasuring = keepMeasuring(deps, host, hostId)

  const hurry = new AbortController()
  let isStopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))

  /** Leaves everything in good order; asked a second time, without waiting for running attempts. */
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (isStopping) return hurry.abort()
    isStopping = true
    log.info('host stops', { signal })
    await host.drain(hurry.signal)
    await Promise.all([stopMeasuring(), health.close(), flushReports()])
    log.info('host stopped')
    process.exit(0)
  }
}
