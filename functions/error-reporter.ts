/** Who reports errors, from a function's environment. Small: also the authorizer imports it. */
import type { Reporter, SentrySettings } from '#shared/sentry.ts'
import { once } from './once.ts'

type SentryEnv = {
  readonly SENTRY_DSN: string
  readonly BUILD_VERSION: string
  readonly METRICS_NAMESPACE: string
}

/** The settings in the environment; undefined without a DSN. */
export const sentrySettings = ({ SENTRY_DSN, BUILD_VERSION, METRICS_NAMESPACE }: SentryEnv) =>
  SENTRY_DSN === '' ? undefined : settingsOf(SENTRY_DSN, BUILD_VERSION, METRICS_NAMESPACE)

const settingsOf = (dsn: string, release: string, namespace: string): SentrySettings => ({
  dsn,
  release,
  // The namespace ends with the stage.
  environment: namespace.replace(/^.*\//, ''),
})

/** Loads the reporter of errors, once and when it is asked for; undefined without a DSN. */
export function errorReporterOf(env: SentryEnv): (() => Promise<Pick<Reporter, 'error' | 'flush'>>) | undefined {
  const settings = sentrySettings(env)
  return settings && once(async () => (await import('./sentry.ts')).errorReporter(settings))
}
