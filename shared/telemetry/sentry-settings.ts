/** Settings of error reports. Without imports, because functions that never report anything load it. */

export type SentrySettings = {
  readonly dsn: string
  /** `BUILD_VERSION`. */
  readonly release: string
  /** The stage. */
  readonly environment: string
}

/** Environment variables of the settings. */
export type SentryEnv = {
  readonly SENTRY_DSN: string
  readonly BUILD_VERSION: string
  readonly METRICS_NAMESPACE: string
}

/** Returns the settings in the environment; undefined without a DSN. */
export function sentrySettings({
  SENTRY_DSN,
  BUILD_VERSION,
  METRICS_NAMESPACE,
}: SentryEnv): SentrySettings | undefined {
  if (SENTRY_DSN === '') return undefined
  // The namespace ends with the stage.
  return { dsn: SENTRY_DSN, release: BUILD_VERSION, environment: METRICS_NAMESPACE.replace(/^.*\//, '') }
}
