/**
 * All that is decided about one company: the item `STATE`. Every transition is a pure function from a state to a
 * `Decision`; the store makes it one conditional write, so that decisions exclude each other.
 */
import type { ErrorCode, Failure } from '../values/errors.ts'
import type { Attempt, AttemptOutcome, Link, Owner, Waiting } from './attempt.ts'

/** Linked credentials: one generation, readable with its wrapped data key; `linkedAt` is epoch ms. */
export type StoredCredentials = Link & { readonly linkedAt: number }

export const sessionStatuses = ['connecting', 'connected', 'reconnecting', 'logged-out', 'stopped'] as const
export type SessionStatus = (typeof sessionStatuses)[number]

/** The WhatsApp connection of the stored credentials, as the host of `epoch` saw it last. */
export type Session = {
  readonly status: SessionStatus
  /** Epoch ms at which it entered this status. */
  readonly since: number
  readonly epoch: number
  readonly hostId?: string
  /** Why it is not connected. */
  readonly error?: ErrorCode
  /** Epoch ms of the last time it was connected. */
  readonly connectedAt?: number
}

/** What WhatsApp said about the removal of a linked device. */
export type Unlinked = 'pending' | 'confirmed' | 'unconfirmed' | 'not-linked'

export type RetireReason = 'reset' | 'phone-change' | 'logged-out' | 'stopped' | 'corrupt' | 'attempt-ended'

/** A retired generation on its way out: first its device is unlinked, then its rows are swept three times. */
export type Retired = {
  readonly generation: string
  readonly reason: RetireReason
  /** Epoch ms. */
  readonly retiredAt: number
  readonly unlink: Unlinked
  /** Only for the unlinker; erased with the unlinking's outcome (R14). */
  readonly wrappedKey?: string
  /** Sweeps that have been completed, of `sweepDelaysMs`. */
  readonly sweeps: number
  /** Resets that wait for the unlinking, answered at `answerBy` (epoch ms) at the latest. */
  readonly waiting?: readonly Waiting[]
  readonly answerBy?: number
}

export type CompanyState = {
  /** Highest fence given out. */
  readonly fence: number
  /** Highest epoch of a host that has written; hosts of a lower one are refused (R12). */
  readonly epoch: number
  readonly attempt?: Attempt
  readonly lastAttempt?: AttemptOutcome
  readonly credentials?: StoredCredentials
  readonly session?: Session
  readonly cleanup: readonly Retired[]
  /** Of the device that was retired last. */
  readonly unlinked?: Unlinked
}

export const emptyCompany: CompanyState = { fence: 0, epoch: 0, cleanup: [] }

/** What clients of a company are told; the renderer adds the envelope and the sentence in the reader's language. */
export type CompanyEvent =
  | {
      readonly event: 'pairing-started'
      readonly attemptId: string
      readonly phone?: string
      readonly deadline: number
    }
  | {
      readonly event: 'pairing-code'
      readonly attemptId: string
      readonly code: string
      readonly phone?: string
      readonly expiresAt: number
    }
  | { readonly event: 'qr'; readonly attemptId: string; readonly qr: string; readonly expiresAt: number }
  | {
      readonly event: 'pairing-progress'
      readonly attemptId: string
      readonly state: 'phone-confirmed' | 'code-issued' | 'restarting'
    }
  | { readonly event: 'pairing-cancelled'; readonly attemptId?: string }
  | { readonly event: 'whatsapp-connected'; readonly phone?: string; readonly attemptId?: string }
  | { readonly event: 'whatsapp-disconnected'; readonly code: ErrorCode; readonly willReconnect: boolean }
  | { readonly event: 'pairing-code-error'; readonly attemptId?: string; readonly failure: Failure }
  | { readonly event: 'credentials-reset'; readonly unlinked: Exclude<Unlinked, 'pending'> }

/** An event and who hears it: each waiting request under its id, and the company's other connections without one. */
export type Notice = {
  readonly event: CompanyEvent
  readonly waiting: readonly Waiting[]
  readonly audience: 'company' | 'waiting'
}

export const notice = (event: CompanyEvent, waiting: readonly Waiting[] = []): Notice => ({
  event,
  waiting,
  audience: 'company',
})

export const answer = (event: CompanyEvent, waiting: readonly Waiting[]): Notice => ({
  event,
  waiting,
  audience: 'waiting',
})

/** The new state (the same object when nothing changes: then nothing is written), who is told what, and the outcome. */
export type Decision<Outcome> = {
  readonly state: CompanyState
  readonly notices: readonly Notice[]
  readonly outcome: Outcome
}

export type Transition<Outcome> = (state: CompanyState, now: number) => Decision<Outcome>

export const decision = <Outcome>(
  state: CompanyState,
  outcome: Outcome,
  notices: readonly Notice[] = [],
): Decision<Outcome> => ({ state, notices, outcome })

/** Which attempt a host speaks of, and as whom. */
export type AttemptRef = { readonly attemptId: string; readonly fence: number; readonly owner: Owner }

/** The outcome of a host's transition that came too late: another attempt, fence, generation or epoch rules. */
export type Stale = 'stale'

/** The attempt of a reference, if it still is the company's and this host's. */
export function ownAttempt(state: CompanyState, ref: AttemptRef): Exclude<Attempt, { state: 'requested' }> | undefined {
  const { attempt } = state
  if (!attempt || attempt.state === 'requested' || state.epoch > ref.owner.epoch) return undefined
  const same = attempt.attemptId === ref.attemptId && attempt.fence === ref.fence
  return same && attempt.owner.epoch === ref.owner.epoch ? attempt : undefined
}

/** Whether nothing is left of the company but its item: it may leave its shard's list. */
export const isEmpty = (state: CompanyState): boolean =>
  !state.attempt && !state.credentials && state.cleanup.length === 0

/** A copy without a key; `undefined` is not a value of the state. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> {
  const copy = { ...value }
  for (const key of keys) delete copy[key]
  return copy
}
