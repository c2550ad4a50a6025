/**
 * Sentry reporter of the functions. It is a separate chunk that the first report loads, because loading takes 170 ms.
 */
import { captureEvent, captureException, flush, init } from '@sentry/aws-serverless'
import { errorContext, phoneChangeEvent, type Reporter, sentryOptions } from '#shared/telemetry/sentry.ts'
import type { SentrySettings } from '#shared/telemetry/sentry-settings.ts'

/** Sets Sentry up for functions that report errors only. */
export function errorReporter(settings: SentrySettings): Pick<Reporter, 'error' | 'flush'> {
  init({ ...sentryOptions(settings), skipOpenTelemetrySetup: true })
  return {
    error: (error, about) => {
      captureException(error, errorContext(about))
    },
    flush: async (timeoutMs) => {
      await flush(timeoutMs)
    },
  }
}

/** Sets Sentry up for errors and phone changes. `fingerprintKey` keys the hash of company and phone. */
export function sentryReporter(settings: SentrySettings, fingerprintKey: () => Promise<string>): Reporter {
  const errors = errorReporter(settings)
  let preparing: Promise<void> = Promise.resolve()
  return {
    error: errors.error,
    phoneChange: (change, about) => {
      preparing = fingerprintKey().then((key) => {
        captureEvent(phoneChangeEvent(change, about, key, Date.now()))
      })
    },
    flush: async (timeoutMs) => {
      await preparing
      await errors.flush(timeoutMs)
    },
  }
}
