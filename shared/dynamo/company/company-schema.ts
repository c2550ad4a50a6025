/** Schema of the stored state: everything that is read back is parsed. */
import * as v from 'valibot'
import { type CompanyState, sessionStatuses } from '#shared/domain/company/company.ts'
import { errorCodes } from '#shared/domain/values/errors.ts'

const text = v.string()
const integer = v.pipe(v.number(), v.integer())
/** Limit of JavaScript's dates: formatting a later time would throw. */
const maxEpochMs = 8_640_000_000_000_000
const epochMs = v.pipe(integer, v.minValue(-maxEpochMs), v.maxValue(maxEpochMs))
const optional = v.exactOptional
const list = <S extends v.GenericSchema>(item: S) => v.pipe(v.array(item), v.readonly())

const Waiting = v.object({ connectionId: text, requestId: optional(text), isAnswered: optional(v.literal(true)) })
const Owner = v.object({ hostId: text, epoch: integer })
const Failure = v.object({
  code: v.picklist(errorCodes),
  retryAfter: optional(v.number()),
  action: optional(v.picklist(['retry', 'wait', 'check-number', 'reset', 'use-qr', 'contact-support'])),
  detail: optional(text),
})

const method = v.picklist(['code', 'qr'])
const common = {
  attemptId: text,
  fence: integer,
  method,
  phone: optional(text),
  waiting: list(Waiting),
  correlationId: text,
  requestedAt: epochMs,
  deadline: epochMs,
}
const owned = { ...common, owner: Owner }
const issued = {
  ...owned,
  shown: v.union([v.object({ code: text }), v.object({ qr: text })]),
  expiresAt: epochMs,
  socketUntil: epochMs,
}

const Ticket = list(v.object({ key: text, at: v.number() }))

const Link = v.object({ generation: text, wrappedKey: text, phone: optional(text) })

const Attempt = v.variant('state', [
  v.object({ ...common, state: v.literal('requested'), ticket: optional(Ticket) }),
  v.object({ ...owned, state: v.literal('connecting'), awaitsSession: v.boolean() }),
  v.object({ ...issued, state: v.literal('code-issued') }),
  v.object({ ...issued, state: v.literal('phone-confirmed'), answerBy: epochMs, isLate: optional(v.literal(true)) }),
  v.object({ ...issued, state: v.literal('expired') }),
  v.object({ ...owned, state: v.literal('storing'), link: Link, connectBy: epochMs }),
  v.object({ ...owned, state: v.literal('restarting'), connectBy: epochMs }),
])

const AttemptOutcome = v.object({
  attemptId: text,
  method: optional(method),
  state: v.picklist(['connected', 'failed', 'expired', 'cancelled', 'superseded']),
  failure: optional(Failure),
  at: epochMs,
})

const Session = v.object({
  status: v.picklist(sessionStatuses),
  since: epochMs,
  epoch: integer,
  hostId: optional(text),
  error: optional(v.picklist(errorCodes)),
  connectedAt: optional(epochMs),
})

const Unlinked = v.picklist(['pending', 'confirmed', 'unconfirmed', 'not-linked'])

const Retired = v.object({
  generation: text,
  reason: v.picklist(['reset', 'phone-change', 'logged-out', 'stopped', 'corrupt', 'attempt-ended']),
  retiredAt: epochMs,
  unlink: Unlinked,
  wrappedKey: optional(text),
  sweeps: integer,
  waiting: optional(list(Waiting)),
  answerBy: optional(epochMs),
})

/** Parses the attribute `doc` to a `CompanyState`. */
export const StoredCompany = v.object({
  fence: integer,
  epoch: integer,
  attempt: optional(Attempt),
  lastAttempt: optional(AttemptOutcome),
  credentials: optional(v.object({ ...Link.entries, linkedAt: epochMs })),
  session: optional(Session),
  cleanup: list(Retired),
  unlinked: optional(Unlinked),
})

/** Removes `readonly` and merges intersections, so that two notations of one type become identical. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Plain<T[Key]> }
    : T
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

// Fails to compile when the schema and `CompanyState` differ, even in an optional field.
true satisfies Same<Plain<CompanyState>, Plain<v.InferOutput<typeof StoredCompany>>>
