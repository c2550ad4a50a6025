/** Reporter of errors from a function's environment. It must stay small, because the authorizer imports it. */
import { once } from '#shared/async/once.ts'
import type { Reporter } from '#shared/telemetry/sentry.ts'
import { type SentryEnv, sentrySettings } from '#shared/telemetry/sentry-settings.ts'

/** Returns a loader of the error reporter, which loads it once, at the first call. Undefined without a DSN. */
export function errorReporterOf(env: SentryEnv): (() => Promise<Pick<Reporter, 'error' | 'flush'>>) | undefined {
  const settings = sentrySettings(env)
  return settings && once(async () => (await import('./sentry.ts')).errorReporter(settings))
}
