/**
 * Schema of the stored state: everything that is read back is parsed. It is read by the builds before and after the one
 * that wrote it (R49a): objects keep fields that it does not know, and words that only describe (error codes, reasons)
 * may be words that it does not know. A state or a status that it does not know is another matter: see `foreign`.
 */
import * as v from 'valibot'
import type { Method, AttemptOutcome as Outcome } from '#shared/domain/company/attempt.ts'
import { type CompanyState, type RetireReason, sessionStatuses } from '#shared/domain/company/company.ts'
import type { ErrorCode, OwnerAction } from '#shared/domain/values/errors.ts'

const text = v.string()
const integer = v.pipe(v.number(), v.integer())
/** Limit of JavaScript's dates: formatting a later time would throw. */
const maxEpochMs = 8_640_000_000_000_000
const epochMs = v.pipe(integer, v.minValue(-maxEpochMs), v.maxValue(maxEpochMs))
const optional = v.exactOptional
const object = v.looseObject
/** A word of a list that a newer build may have made longer. Code that compares it finds it equal to nothing. */
const word = <Word extends string>() => v.custom<Word>((value) => typeof value === 'string')
const list = <S extends v.GenericSchema>(item: S) => v.pipe(v.array(item), v.readonly())

const Waiting = object({ connectionId: text, requestId: optional(text), isAnswered: optional(v.literal(true)) })
const Owner = object({ hostId: text, epoch: integer })
const Failure = object({
  code: word<ErrorCode>(),
  retryAfter: optional(v.number()),
  action: optional(word<OwnerAction>()),
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
  replaces: optional(text),
}
const owned = { ...common, owner: Owner }
const issued = {
  ...owned,
  shown: v.union([object({ code: text }), object({ qr: text })]),
  expiresAt: epochMs,
  socketUntil: epochMs,
}

const Ticket = list(object({ key: text, at: v.number() }))

const Link = object({ generation: text, wrappedKey: text, phone: optional(text) })

const Attempt = v.variant('state', [
  object({ ...common, state: v.literal('requested'), ticket: optional(Ticket), acceptedAt: optional(epochMs) }),
  object({
    ...owned,
    state: v.literal('connecting'),
    awaitsSession: v.boolean(),
    acceptedAt: optional(epochMs),
    ticket: optional(Ticket),
  }),
  object({ ...issued, state: v.literal('code-issued') }),
  object({ ...issued, state: v.literal('phone-confirmed'), answerBy: epochMs, isLate: optional(v.literal(true)) }),
  object({ ...issued, state: v.literal('expired') }),
  object({ ...owned, state: v.literal('storing'), link: Link, connectBy: epochMs }),
  object({ ...owned, state: v.literal('restarting'), connectBy: epochMs }),
])

const AttemptOutcome = object({
  attemptId: text,
  method: optional(word<Method>()),
  state: word<Outcome['state']>(),
  failure: optional(Failure),
  at: epochMs,
})

const Session = object({
  status: v.picklist(sessionStatuses),
  since: epochMs,
  epoch: integer,
  hostId: optional(text),
  error: optional(word<ErrorCode>()),
  connectedAt: optional(epochMs),
  until: optional(epochMs),
  isAlone: optional(v.literal(true)),
  fuse: optional(word<'removed' | 'refused'>()),
  refusals: optional(object({ count: integer, firstAt: epochMs })),
})

const Unlinked = v.picklist(['pending', 'confirmed', 'unconfirmed', 'not-linked'])

const Retired = object({
  generation: text,
  reason: word<RetireReason>(),
  retiredAt: epochMs,
  unlink: Unlinked,
  wrappedKey: optional(text),
  sweeps: integer,
  waiting: optional(list(Waiting)),
  answerBy: optional(epochMs),
  phone: optional(text),
  linkedAt: optional(epochMs),
})

const Credentials = object({ ...Link.entries, linkedAt: epochMs })

const StoredCompany = object({
  fence: integer,
  epoch: integer,
  attempt: optional(Attempt),
  lastAttempt: optional(AttemptOutcome),
  credentials: optional(Credentials),
  session: optional(Session),
  cleanup: list(Retired),
  unlinked: optional(Unlinked),
  loggedOutAt: optional(epochMs),
  guard: optional(object({ chain: text, due: epochMs })),
})

/** As much of a state as any build can read. */
const Foreign = object({ fence: v.fallback(integer, 0), epoch: v.fallback(integer, 0), credentials: v.unknown() })

/**
 * Reads the attribute `doc`. A state of which this build does not know a word that decides is `foreign`, with the fields
 * that could be read. Never throws.
 */
export function parseState(doc: unknown): CompanyState {
  const parsed = v.safeParse(StoredCompany, doc)
  if (parsed.success) return parsed.output
  const { fence, epoch, credentials } = v.parse(Foreign, { credentials: undefined, ...Object(doc) })
  const readable = v.safeParse(Credentials, credentials)
  return { fence, epoch, cleanup: [], foreign: true, ...(readable.success && { credentials: readable.output }) }
}

/**
 * Removes `readonly` and index signatures and merges intersections, so that two notations of one type become identical.
 */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T as string extends Key ? never : Key]: Plain<T[Key]> }
    : T
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

// Fails to compile when the schema and `CompanyState` differ, even in an optional field.
true satisfies Same<Plain<Omit<CompanyState, 'foreign'>>, Plain<v.InferOutput<typeof StoredCompany>>>
