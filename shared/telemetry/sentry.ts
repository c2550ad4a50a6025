/** What may go to Sentry (R35): an allow-list, alike for functions and hosts. Knows no SDK: they bring their own. */
import { createHmac } from 'node:crypto'
import type { PhoneChange } from '../domain/metrics/happenings.ts'
import { maskPhone, phoneClass } from '../domain/values/phone.ts'
import { redact, redactValue } from './redact.ts'
import type { SentrySettings } from './sentry-settings.ts'

export type About = Readonly<Record<string, unknown>>

/** Tells the people who look after the service. Never throws; what could not be sent is lost. */
export type Reporter = {
  /** Something that nobody expected. */
  error(error: unknown, about: About): void
  phoneChange(change: PhoneChange, about: About & { readonly companyId: string }): void
  /** Waits until everything is sent, no longer than `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
}

/** How either SDK is set up: errors only, and nothing that it would collect by itself. */
export const sentryOptions = ({ dsn, release, environment }: SentrySettings) => ({
  dsn,
  release,
  environment,
  sendDefaultPii: false,
  // Errors reach us through the log and the edge; the SDK's own handlers would end a host on the first one (R41).
  defaultIntegrations: false as const,
  maxBreadcrumbs: 0,
  beforeSend: scrubEvent,
})

/** Where our own facts stand in an event. */
const aboutContext = 'pairplane'

/** Fields of an event that may go out as they are: the SDK's, or made by us from nothing secret. */
const plainFields = ['event_id', 'timestamp', 'level', 'platform', 'release', 'environment', 'fingerprint', 'sdk']

/** Takes out of an event whatever is not known to be harmless, and redacts the rest. */
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

/** No source lines and no variables: they may hold anything. */
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

/** Facts about an error: small ones to search by, all of them to read. */
export const errorContext = (about: About) => ({
  tags: textsOf(pick(about, ['component', 'code', 'action', 'route'])),
  contexts: { [aboutContext]: { ...about } },
})

const textsOf = (fields: About): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, String(value)]))

/** The message about a phone change: expected, so `info`, and one issue per company and phone however often it is tried. */
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
