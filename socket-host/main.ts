/** The process: a host from its first line to its last. */
import { randomUUID } from 'node:crypto'
import { parseEnv, SocketHostEnv } from '#shared/env.ts'
import { createLog } from '#shared/log.ts'
import { serveHealth } from './health.ts'
import { socketHost } from './host.ts'
import { blameSocket } from './whatsapp.ts'
import { hostDeps } from './wiring.ts'

/** Without contact to the store for so long a host is replaced; outages shorter than that it sits out. */
const contactWithinMs = 60_000

const env = parseEnv(SocketHostEnv, process.env)
const hostId = env.HOST_ID ?? `host-${randomUUID()}`
const log = createLog('socket-host', { level: env.LOG_LEVEL }).child({ hostId })
log.info('host started', { pid: process.pid, version: env.BUILD_VERSION })

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

const hurry = new AbortController()
let isStopping = false
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))

/** Leaves everything in good order; asked a second time, without waiting for running attempts. */
async function stop(signal: NodeJS.Signals): Promise<void> {
  if (isStopping) return hurry.abort()
  isStopping = true
  log.info('host stops', { signal })
  await host.drain(hurry.signal)
  await health.close()
  log.info('host stopped')
  process.exit(0)
}
