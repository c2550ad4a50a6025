/** Who reports errors, from a function's environment. Small: also the authorizer imports it. */
import { once } from '#shared/async/once.ts'
import type { Reporter } from '#shared/telemetry/sentry.ts'
import { type SentryEnv, sentrySettings } from '#shared/telemetry/sentry-settings.ts'

/** Loads the reporter of errors, once and when it is asked for; undefined without a DSN. */
export function errorReporterOf(env: SentryEnv): (() => Promise<Pick<Reporter, 'error' | 'flush'>>) | undefined {
  const settings = sentrySettings(env)
  return settings && once(async () => (await import('./sentry.ts')).errorReporter(settings))
}
