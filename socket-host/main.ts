/** Entry point of a host: reads the environment, sets up log and error reports, and only then loads Baileys. */
import { randomUUID } from 'node:crypto'
import { parseEnv, SocketHostEnv } from '#shared/config/env.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { sentrySettings } from '#shared/telemetry/sentry-settings.ts'
import type { HostReporter } from './sentry.ts'

// Small Buffers are views of a pool, and one that stays keeps its whole pool in memory: with Node's 64 KB, the creds of
// each session kept 60 KB, with this size 4 (R68).
Buffer.poolSize = 8_192

const env = parseEnv(SocketHostEnv, process.env)
const hostId = env.HOST_ID ?? `host-${randomUUID()}`
const plainLog = createLog('socket-host', { level: env.LOG_LEVEL }).child({ hostId })
const reporter = await loadReporter()
const log = reporter ? reporter.reporting(plainLog) : plainLog
log.info('Host started', { pid: process.pid, version: env.BUILD_VERSION })

const flushReports = async () => reporter?.close(2_000)
try {
  const { runHost } = await import('./run-host.ts')
  await runHost({ env, hostId, log, flushReports })
} catch (error) {
  log.error('Could not start the host', { error })
  await flushReports()
  throw error
}

async function loadReporter(): Promise<HostReporter | undefined> {
  const settings = sentrySettings(env)
  if (!settings) return undefined
  const { hostReporter } = await import('./sentry.ts')
  return hostReporter(settings)
}
