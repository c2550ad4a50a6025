/**
 * Facts about the session of stored credentials, and their change with each event (R26). Pure: `session.ts` does what a
 * phase calls for (it waits, reads, opens), and feeds what happens in here.
 */
import { type Close, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
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
  /** Will not be retried: WhatsApp ended it, or its credentials cannot be read. */
  | { readonly is: 'ended'; readonly end: SessionEnd }
  /** This host no longer owns the shard; the new owner opens the session. */
  | { readonly is: 'fenced' }
  /** Closed from here. */
  | { readonly is: 'left' }

export type SessionEnd = { readonly code: ErrorCode; readonly retire: boolean } | 'unreadable'

export type SessionFacts = {
  readonly generation: string
  readonly phase: SessionPhase
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
  /** Its credentials are missing, altered or corrupt, for good; or this host has lost its lease. */
  | { readonly type: 'unreadable' | 'fenced' }
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

/** A session that has been open this long starts its back-off anew; one that closes sooner is flapping. */
const settledMs = 60_000

/** Returns the facts of a session that waits to be opened. */
export const newSession = (generation: string, urgency: 'restart' | 'reconnect'): SessionFacts => ({
  generation,
  phase: { is: 'queued', urgency },
  failures: 0,
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
      if (event.type === 'hurried') return queued(facts, 'restart')
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
    case 'unreadable':
      return inPhase(facts, { is: 'ended', end: 'unreadable' })
    case 'fenced':
      return inPhase(facts, { is: 'fenced' })
    case 'failed':
      return retried({ ...facts, lastCode: event.code })
    default:
      return facts
  }
}

function afterSocket(facts: SessionFacts, event: SessionEvent, now: number): SessionFacts {
  const { is } = facts.phase
  if (event.type === 'closed') return afterClose(withSettled(facts, now), event.close, event.isOwner)
  if (is !== 'opening') return facts
  if (event.type === 'opened') return inPhase(facts, { is: 'open', since: now })
  if (event.type === 'timedOut') return inPhase(facts, { is: 'hanging' })
  return event.type === 'failed' ? retried({ ...facts, lastCode: event.code }) : facts
}

const withSettled = (facts: SessionFacts, now: number): SessionFacts =>
  facts.phase.is === 'open' && now - facts.phase.since >= settledMs ? { ...facts, failures: 0 } : facts

/** Follows the table of closes. */
function afterClose(before: SessionFacts, { reason }: Close, isOwner: boolean): SessionFacts {
  const { do: reaction, code } = sessionVerdicts[reason]
  const facts = { ...before, lastCode: code }
  switch (reaction) {
    case 'restart':
      // Without delay, but only once: restarts that never lead to a settled session would be an endless loop.
      return facts.failures === 0 ? queued({ ...facts, failures: 1 }, 'restart') : retried(facts)
    case 'retryIfOwner':
      return isOwner ? retried(facts) : inPhase(facts, { is: 'fenced' })
    case 'retry':
      return retried(facts)
    case 'stop':
    case 'retire':
      return inPhase(facts, { is: 'ended', end: { code, retire: reaction === 'retire' } })
  }
}

const retried = (facts: SessionFacts): SessionFacts => ({
  ...facts,
  phase: { is: 'backingOff' },
  failures: facts.failures + 1,
})

const queued = (facts: SessionFacts, urgency: 'restart' | 'reconnect'): SessionFacts =>
  inPhase(facts, { is: 'queued', urgency })

const inPhase = (facts: SessionFacts, phase: SessionPhase): SessionFacts => ({ ...facts, phase })
