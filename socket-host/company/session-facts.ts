/**
 * Facts about the session of stored credentials, and their change with each event (R26). Pure: `session.ts` does what a
 * phase calls for (it waits, reads, opens), and feeds what happens in here.
 */
import { type Close, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import type { SessionEnd } from '#shared/domain/session/session.ts'
import type { ErrorCode } from '#shared/domain/values/errors.ts'

/**
 * Phase of a session. Usually:
 *
 *     queued -> loading -> opening -> open -> backingOff -> queued ...
 *
 * A failure on the way leads to `backingOff`, a socket that does not open in time to `hanging` first. The last phase is
 * `ended`, `fenced` or `left`.
 */
export type SessionPhase =
  /** Waits for its turn among the other openings of this host. */
  | { readonly is: 'queued'; readonly urgency: 'restart' | 'reconnect' }
  /** Has its turn, and reads its credentials. */
  | { readonly is: 'loading' }
  /** Its socket opens. */
  | { readonly is: 'opening' }
  /** WhatsApp has accepted the login; `since` is monotonic ms. */
  | { readonly is: 'open'; readonly since: number }
  /** Its socket did not open in time and is being closed. The next one has the same credentials and must wait. */
  | { readonly is: 'hanging' }
  /** Waits before the next try. The number of failures sets the delay. */
  | { readonly is: 'backingOff' }
  /** WhatsApp has refused the device once; one more login after a moment confirms that (R46). */
  | { readonly is: 'confirming' }
  /** Will not be retried: WhatsApp ended it, or its credentials cannot be read. */
  | { readonly is: 'ended'; readonly end: SessionEnd }
  /** This host no longer owns the shard; the new owner opens the session. */
  | { readonly is: 'fenced' }
  /** Closed from here. */
  | { readonly is: 'left' }

export type SessionFacts = {
  readonly generation: string
  readonly phase: SessionPhase
  /** WhatsApp has refused the device since the session last stayed open. */
  readonly isRefused: boolean
  /** Monotonic ms of the closes with 440 in the last ten minutes. */
  readonly replacedAt: readonly number[]
  /** Tries that failed, or sessions that closed soon, since the last one that stayed open. */
  readonly failures: number
  /** Why the last try failed or the session last closed; undefined before the first failure. */
  readonly lastCode: ErrorCode | undefined
}

export type SessionEvent =
  /** Its turn has come. */
  | { readonly type: 'turn' }
  /** Its credentials have been read. */
  | { readonly type: 'loaded' }
  /** Its own credentials are damaged or missing; or this host can read no credentials of its generation. */
  | { readonly type: 'damaged' | 'unreadable' }
  /** Its credentials were read or written by a host of a higher epoch. `isOwner`: this host still owns the shard. */
  | { readonly type: 'fenced'; readonly isOwner: boolean }
  /** The credentials could not be read, or the socket could not be opened, for now. */
  | { readonly type: 'failed'; readonly code: ErrorCode }
  | { readonly type: 'opened' }
  /** The socket has not opened within the time limit. */
  | { readonly type: 'timedOut' }
  /** The socket is gone. `isOwner`: this host still owns the shard. */
  | { readonly type: 'closed'; readonly close: Close; readonly isOwner: boolean }
  | { readonly type: 'backOffOver' }
  /** An owner waits for the session, so it opens as soon as it can. */
  | { readonly type: 'hurried' }
  | { readonly type: 'left' }

/** Limit of closes with 440 in that time: more of them are two owners of one session, for an operator to look at (R26). */
const maxReplaced = 5
const replacedWindowMs = 600_000

/** A session that has been open this long starts its back-off anew; one that closes sooner is flapping. */
const settledMs = 60_000

/** Returns the facts of a session that waits to be opened. */
export const newSession = (generation: string, urgency: 'restart' | 'reconnect'): SessionFacts => ({
  generation,
  phase: { is: 'queued', urgency },
  failures: 0,
  isRefused: false,
  replacedAt: [],
  lastCode: undefined,
})

/** Returns the facts after an event; `now` is monotonic ms. An event that does not fit the phase changes nothing. */
export function afterSessionEvent(facts: SessionFacts, event: SessionEvent, now: number): SessionFacts {
  const { is } = facts.phase
  if (is === 'left') return facts
  if (event.type === 'left') return inPhase(facts, { is: 'left' })
  switch (is) {
    case 'queued':
      if (event.type === 'turn') return inPhase(facts, { is: 'loading' })
      return event.type === 'hurried' && facts.phase.urgency === 'reconnect' ? queued(facts, 'restart') : facts
    case 'loading':
      return afterLoading(facts, event)
    case 'opening':
    case 'open':
    case 'hanging':
      return afterSocket(facts, event, now)
    case 'backingOff':
    case 'confirming':
      if (event.type === 'hurried' && is === 'backingOff') return queued(facts, 'restart')
      return event.type === 'backOffOver' ? queued(facts, 'reconnect') : facts
    case 'ended':
    case 'fenced':
      return facts
  }
}

function afterLoading(facts: SessionFacts, event: SessionEvent): SessionFacts {
  switch (event.type) {
    case 'loaded':
      return inPhase(facts, { is: 'opening' })
    case 'damaged':
      return ended(facts, { code: 'CREDENTIALS_CONFLICT', how: 'stopped' })
    case 'unreadable':
      return ended(facts, { code: 'INTERNAL', how: 'stopped' })
    case 'fenced':
      // A host that owns the shard all the same tries again: nobody else would open the session.
      return event.isOwner ? retried({ ...facts, lastCode: 'HOST_UNAVAILABLE' }) : inPhase(facts, { is: 'fenced' })
    case 'failed':
      return retried({ ...facts, lastCode: event.code })
    default:
      return facts
  }
}

function afterSocket(facts: SessionFacts, event: SessionEvent, now: number): SessionFacts {
  const { is } = facts.phase
  if (event.type === 'closed') return afterClose(withSettled(facts, now), event.close, event.isOwner, now)
  if (is !== 'opening') return facts
  if (event.type === 'opened') return { ...facts, phase: { is: 'open', since: now } }
  if (event.type === 'timedOut') return inPhase(facts, { is: 'hanging' })
  return event.type === 'failed' ? retried({ ...facts, lastCode: event.code }) : facts
}

const withSettled = (facts: SessionFacts, now: number): SessionFacts =>
  facts.phase.is === 'open' && now - facts.phase.since >= settledMs
    ? { ...facts, failures: 0, isRefused: false }
    : facts

/** Follows the table of closes. */
function afterClose(before: SessionFacts, { reason, until }: Close, isOwner: boolean, now: number): SessionFacts {
  const { do: reaction, code } = sessionVerdicts[reason]
  const facts = { ...before, lastCode: code }
  switch (reaction) {
    case 'restart':
      // Without delay, but only once: restarts that never lead to a settled session would be an endless loop.
      return facts.failures === 0 ? queued({ ...facts, failures: 1 }, 'restart') : retried(facts)
    case 'retryIfOwner':
      return isOwner ? afterReplaced(facts, code, now) : inPhase(facts, { is: 'fenced' })
    case 'retry':
      return retried(facts)
    case 'confirm':
      if (facts.isRefused) return ended(facts, { code, how: 'refused' })
      // Not told as logged out before that is certain.
      return { ...facts, isRefused: true, lastCode: 'WHATSAPP_UNAVAILABLE', phase: { is: 'confirming' } }
    case 'stop':
      return ended(facts, { code, how: 'stopped', ...(until !== undefined && { until }) })
    case 'retire':
      return ended(facts, { code, how: 'removed' })
  }
}

function afterReplaced(facts: SessionFacts, code: ErrorCode, now: number): SessionFacts {
  const replacedAt = [...facts.replacedAt.filter((at) => now - at < replacedWindowMs), now]
  if (replacedAt.length > maxReplaced) return ended({ ...facts, replacedAt }, { code, how: 'stopped' })
  return retried({ ...facts, replacedAt })
}

const ended = (facts: SessionFacts, end: SessionEnd): SessionFacts => ({
  ...facts,
  phase: { is: 'ended', end },
  lastCode: end.code,
})

const retried = (facts: SessionFacts): SessionFacts => ({
  ...facts,
  phase: { is: 'backingOff' },
  failures: facts.failures + 1,
})

const queued = (facts: SessionFacts, urgency: 'restart' | 'reconnect'): SessionFacts =>
  inPhase(facts, { is: 'queued', urgency })

const inPhase = (facts: SessionFacts, phase: SessionPhase): SessionFacts => ({ ...facts, phase })
