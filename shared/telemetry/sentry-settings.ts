/** The address of error reports, and as whose they go there. Without imports, since functions load it that report nothing. */

export type SentrySettings = {
  readonly dsn: string
  /** `BUILD_VERSION`. */
  readonly release: string
  /** The stage. */
  readonly environment: string
}

export type SentryEnv = {
  readonly SENTRY_DSN: string
  readonly BUILD_VERSION: string
  readonly METRICS_NAMESPACE: string
}

/** The settings in the environment; undefined without a DSN. */
export function sentrySettings({
  SENTRY_DSN,
  BUILD_VERSION,
  METRICS_NAMESPACE,
}: SentryEnv): SentrySettings | undefined {
  if (SENTRY_DSN === '') return undefined
  // The namespace ends with the stage.
  return { dsn: SENTRY_DSN, release: BUILD_VERSION, environment: METRICS_NAMESPACE.replace(/^.*\//, '') }
}
