/** Who reports errors, from a function's environment. Small: also the authorizer imports it. */
import type { Reporter } from '#shared/sentry.ts'
import { type SentryEnv, sentrySettings } from '#shared/sentry-settings.ts'
import { once } from './once.ts'

/** Loads the reporter of errors, once and when it is asked for; undefined without a DSN. */
export function errorReporterOf(env: SentryEnv): (() => Promise<Pick<Reporter, 'error' | 'flush'>>) | undefined {
  const settings = sentrySettings(env)
  return settings && once(async () => (await import('./sentry.ts')).errorReporter(settings))
}
