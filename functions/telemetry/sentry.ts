/** The reporter of the functions. A chunk of its own, loaded when there is something to report: it costs 170 ms. */
import { captureEvent, captureException, flush, init } from '@sentry/aws-serverless'
import { errorContext, phoneChangeEvent, type Reporter, sentryOptions } from '#shared/telemetry/sentry.ts'
import type { SentrySettings } from '#shared/telemetry/sentry-settings.ts'

/** Sets Sentry up for functions of which only errors are reported. */
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

/** Sets Sentry up. `fingerprintKey` keys the hash that stands for company and phone. */
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
