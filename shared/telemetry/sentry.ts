/** Allow-list of the fields that may go to Sentry (R35), for functions and hosts. It does not import their SDKs. */
import { createHmac } from 'node:crypto'
import type { PhoneChange } from '../domain/metrics/happenings.ts'
import { maskPhone, phoneClass } from '../domain/values/phone.ts'
import { redact, redactValue } from './redact.ts'
import type { SentrySettings } from './sentry-settings.ts'

/** Facts about an error, such as the correlation id. */
export type About = Readonly<Record<string, unknown>>

/** Reports to the operators. Never throws; a report that cannot be sent is lost. */
export type Reporter = {
  /** Reports an unexpected error. */
  error(error: unknown, about: About): void
  /** Reports a request for another phone than the linked one. */
  phoneChange(change: PhoneChange, about: About & { readonly companyId: string }): void
  /** Waits until everything is sent, no longer than `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
}

/** Options of either SDK: errors only, and nothing that the SDK would collect by itself. */
export const sentryOptions = ({ dsn, release, environment }: SentrySettings) => ({
  dsn,
  release,
  environment,
  sendDefaultPii: false,
  // Errors are reported from the log and the entry points; the SDK's own handlers would end a host at the first one
  // (R41).
  defaultIntegrations: false as const,
  maxBreadcrumbs: 0,
  beforeSend: scrubEvent,
})

/** Name of the context that has Pairplane's own facts. */
const aboutContext = 'pairplane'

/** Fields of an event that are sent unchanged: they contain nothing secret. */
const plainFields = ['event_id', 'timestamp', 'level', 'platform', 'release', 'environment', 'fingerprint', 'sdk']

/** Removes from an event every field that is not on the list, and redacts the others. */
function scrubEvent<Event extends object>(event: Event): Event {
  for (const field of Object.keys(event)) {
    const value: unknown = Reflect.get(event, field)
    if (plainFields.includes(field) || field === 'type') continue
    const kept = scrubbers[field]?.(value)
    if (kept === undefined) Reflect.deleteProperty(event, field)
    else Reflect.set(event, field, kept)
  }
  return event
}

const scrubbers: Readonly<Record<string, (value: unknown) => unknown>> = {
  message: (value) => (typeof value === 'string' ? redact(value) : undefined),
  tags: redactValue,
  contexts: (value) => redactValue(pick(value, [aboutContext, 'phone_change', 'runtime'])),
  exception: (value) => ({ values: listOf(Reflect.get(Object(value), 'values')).map(scrubException) }),
}

/** Leaves out source lines and variables, which may contain anything. */
const scrubException = (exception: unknown): unknown => ({
  ...Object(redactValue(pick(exception, ['type', 'value', 'mechanism']))),
  stacktrace: {
    frames: listOf(Reflect.get(Object(Reflect.get(Object(exception), 'stacktrace')), 'frames')).map((frame) =>
      redactValue(pick(frame, ['filename', 'function', 'module', 'lineno', 'colno', 'in_app'])),
    ),
  },
})

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const pick = (value: unknown, fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(Object(value)).filter(([field]) => fields.includes(field)))

/** Returns the facts about an error: short ones as tags, for searching, and all of them as a context. */
export const errorContext = (about: About) => ({
  tags: textsOf(pick(about, ['component', 'code', 'action', 'route'])),
  contexts: { [aboutContext]: { ...about } },
})

const textsOf = (fields: About): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, String(value)]))

/**
 * Returns the report of a phone change. It is expected, hence `info`. All reports about one company and phone get one
 * fingerprint, keyed by `key`, and are one issue. `now` is epoch ms.
 */
export function phoneChangeEvent(
  change: PhoneChange,
  about: About & { readonly companyId: string },
  key: string,
  now: number,
) {
  const { storedPhone, askedPhone, method, credentialAgeMs, connectedAt, wasLinked, steps } = change
  return {
    message: 'Another phone was asked for than the one that is linked',
    level: 'info' as const,
    fingerprint: ['phone-change', hashed([about.companyId, phoneClass(askedPhone)].join(':'), key)],
    tags: { mismatch_type: 'another_phone_requested', method, was_linked: String(wasLinked) },
    contexts: {
      phone_change: {
        mismatch_type: 'another_phone_requested',
        stored_phone: maskPhone(storedPhone),
        requested_phone: maskPhone(askedPhone),
        credential_age_seconds: Math.round(credentialAgeMs / 1000),
        last_connected_at: connectedAt === undefined ? null : new Date(connectedAt).toISOString(),
        last_connected_seconds_ago: connectedAt === undefined ? null : Math.round((now - connectedAt) / 1000),
        was_linked: wasLinked,
        method,
        steps_before: steps,
      },
      [aboutContext]: { ...about },
    },
  }
}

const hashed = (text: string, key: string) => createHmac('sha256', key).update(text).digest('hex').slice(0, 32)
