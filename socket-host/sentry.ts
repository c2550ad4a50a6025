/** Reports a host's errors to Sentry. Loaded only when a DSN is set. */
import { captureException, close, flush, init } from '@sentry/node'
import type { Log } from '#shared/telemetry/log.ts'
import type { LogFields } from '#shared/telemetry/log-fields.ts'
import { errorContext, type Reporter, sentryOptions } from '#shared/telemetry/sentry.ts'
import type { SentrySettings } from '#shared/telemetry/sentry-settings.ts'

export type HostReporter = Pick<Reporter, 'error' | 'flush'> & {
  /** Returns a log that also reports its `error` lines: an operator has to act on them. */
  reporting(log: Log): Log
  /** Sends the pending reports, within `timeoutMs`. Nothing is reported afterwards. */
  close(timeoutMs: number): Promise<void>
}

export function hostReporter(settings: SentrySettings): HostReporter {
  init({ ...sentryOptions(settings), skipOpenTelemetrySetup: true })
  const error: HostReporter['error'] = (thrown, about) => {
    captureException(thrown, errorContext(about))
  }
  return {
    error,
    reporting: (log) => reportingLog(log, { error }),
    flush: async (timeoutMs) => {
      await flush(timeoutMs)
    },
    close: async (timeoutMs) => {
      await close(timeoutMs)
    },
  }
}

function reportingLog(log: Log, reporter: Pick<Reporter, 'error'>): Log {
  const wrap = (inner: Log, fieldsOf: () => LogFields): Log => ({
    ...inner,
    error: (message, fields = {}) => {
      inner.error(message, fields)
      const { error, ...about } = { ...fieldsOf(), ...fields }
      reporter.error(error instanceof Error ? error : new Error(message), {
        ...about,
        message,
        component: 'socket-host',
      })
    },
    child: (fields) =>
      wrap(inner.child(fields), () => ({ ...fieldsOf(), ...(typeof fields === 'function' ? fields() : fields) })),
  })
  return wrap(log, () => ({}))
}
