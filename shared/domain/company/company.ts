/**
 * The state of one company: everything that is decided about it, stored as the item `STATE`. A transition is a pure
 * function from a state to a `Decision`. The store makes each decision one conditional write, so that no two decisions
 * are made on the same state.
 */
import type { ErrorCode, Failure, OwnerAction } from '../values/errors.ts'
import type { Attempt, AttemptOutcome, Link, Owner, Waiting } from './attempt.ts'

/** The current generation of linked credentials, with its wrapped data key; `linkedAt` is epoch ms. */
export type StoredCredentials = Link & { readonly linkedAt: number }

export const sessionStatuses = ['connecting', 'connected', 'reconnecting', 'logged-out', 'stopped'] as const
export type SessionStatus = (typeof sessionStatuses)[number]

/** The WhatsApp connection of the stored credentials, as its host last reported it. */
export type Session = {
  readonly status: SessionStatus
  /** Epoch ms at which it entered this status. */
  readonly since: number
  /** Epoch of the host that reported it; readers believe it while the lease still has this epoch. */
  readonly epoch: number
  readonly hostId?: string
  /** The last error; absent while the session is connected. */
  readonly error?: ErrorCode
  /** Epoch ms of the last time it was connected. */
  readonly connectedAt?: number
  /** Epoch ms at which a restriction of the account ends: the session logs in again then (R48). */
  readonly until?: number
  /** Stopped because these credentials alone are unreadable: the host reads others, so that a new link helps (R9). */
  readonly isAlone?: true
  /** Stopped because WhatsApp has ended more sessions than this fuse lets through (R46). */
  readonly fuse?: 'removed' | 'refused'
  /** Confirmed refusals (401) since the session was last connected, and the epoch ms of the first one (R46). */
  readonly refusals?: { readonly count: number; readonly firstAt: number }
}

/** True for a session that its host does not keep open: WhatsApp has refused or removed the device, or it has stopped. */
export const isEnded = (session: Pick<Session, 'status'> | undefined): boolean =>
  session?.status === 'stopped' || session?.status === 'logged-out'

/**
 * Result of removing a device from its WhatsApp account. `unconfirmed`: WhatsApp did not confirm it. `not-linked`:
 * there was no device to remove.
 */
export type Unlinked = 'pending' | 'confirmed' | 'unconfirmed' | 'not-linked'

/** `stopped` and `corrupt` are written by older builds only. */
export type RetireReason =
  | 'reset'
  | 'phone-change'
  | 'replaced'
  | 'logged-out'
  | 'stopped'
  | 'corrupt'
  | 'attempt-ended'

/** Entry of the clean-up list: a retired generation. Its device is unlinked, its rows are swept three times. */
export type Retired = {
  /** Name of the set of credentials, a ULID; compared for equality only. */
  readonly generation: string
  readonly reason: RetireReason
  /** Epoch ms. */
  readonly retiredAt: number
  readonly unlink: Unlinked
  /** Lets a host log in to remove the device; erased when the result of the removal is known (R14). */
  readonly wrappedKey?: string
  /** Number of completed sweeps; `sweepDelaysMs` says when each is due. */
  readonly sweeps: number
  /** Reset requests that wait for the removal; they are answered at `answerBy` (epoch ms) at the latest. */
  readonly waiting?: readonly Waiting[]
  readonly answerBy?: number
  /**
   * Phone of an installed link, and the epoch ms of its install: a host notes under the phone that the link has ended (R24).
   * Absent in entries of older builds, and when the phone is unknown (R3).
   */
  readonly phone?: string
  readonly linkedAt?: number
}

/** The chain of messages to the watchdog that was begun last (`attempt/guard.ts`); its first one comes at `due` (epoch ms). */
export type Guard = { readonly chain: string; readonly due: number }

export type CompanyState = {
  /**
   * Counts the decisions that make earlier attempts void. It only grows: a function raises it by one with a request
   * that starts an attempt, with a cancel of one, with a reset that changes something, and when the watchdog ends an
   * attempt.
   */
  readonly fence: number
  /** Highest epoch of a host that has written; hosts of a lower one are refused (R12). */
  readonly epoch: number
  readonly attempt?: Attempt
  readonly lastAttempt?: AttemptOutcome
  readonly credentials?: StoredCredentials
  readonly session?: Session
  readonly cleanup: readonly Retired[]
  /** Result for the device of the generation that was retired last. */
  readonly unlinked?: Unlinked
  /** Epoch ms at which the company was last told `LOGGED_OUT`: a second time within a day has its own advice (R46). */
  readonly loggedOutAt?: number
  /** Absent until a build that names its chains has started an attempt. */
  readonly guard?: Guard
  /**
   * The stored state is one that this build does not understand, as one of a newer build: nothing is decided about it
   * until a build that does comes back (R49a). Never stored; what could not be read is absent.
   */
  readonly foreign?: true
}

export const emptyCompany: CompanyState = { fence: 0, epoch: 0, cleanup: [] }

/** Event for clients of a company; `server-messages.ts` adds the envelope and the sentence in their language. */
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
  | {
      readonly event: 'whatsapp-disconnected'
      readonly code: ErrorCode
      readonly willReconnect: boolean
      /** Epoch ms at which a restriction ends, and the session logs in by itself (R48). */
      readonly until?: number
      /** Replaces the advice of the code, as `Failure.action` does. */
      readonly action?: OwnerAction
    }
  | { readonly event: 'pairing-code-error'; readonly attemptId?: string; readonly failure: Failure }
  | { readonly event: 'credentials-reset'; readonly unlinked: Exclude<Unlinked, 'pending'> }

/**
 * An event and its recipients: each waiting request gets it under its id. With the audience `company`, every other
 * connection of the company gets it too, without an id.
 */
export type Notice = {
  readonly event: CompanyEvent
  readonly waiting: readonly Waiting[]
  readonly audience: 'company' | 'waiting'
}

/** Makes a notice for the whole company; the waiting requests get it under their ids. */
export const notice = (event: CompanyEvent, waiting: readonly Waiting[] = []): Notice => ({
  event,
  waiting,
  audience: 'company',
})

/** Makes a notice for the waiting requests alone. */
export const answer = (event: CompanyEvent, waiting: readonly Waiting[]): Notice => ({
  event,
  waiting,
  audience: 'waiting',
})

/**
 * A transition's result: the new state, the notices to send, and an outcome for the caller. The store writes nothing
 * when the state is the same object as before.
 */
export type Decision<Outcome> = {
  readonly state: CompanyState
  readonly notices: readonly Notice[]
  readonly outcome: Outcome
}

/** Makes a decision about a company at `now` (epoch ms). The store may call it several times, so it must be pure. */
export type Transition<Outcome> = (state: CompanyState, now: number) => Decision<Outcome>

/** Makes a decision; without notices nothing is sent. */
export const decision = <Outcome>(
  state: CompanyState,
  outcome: Outcome,
  notices: readonly Notice[] = [],
): Decision<Outcome> => ({ state, notices, outcome })

/** A host's reference to the attempt that it runs. */
export type AttemptRef = { readonly attemptId: string; readonly fence: number; readonly owner: Owner }

/** Outcome of a transition that came too late: another attempt, fence, generation or epoch is current by now. */
export type Stale = 'stale'

/** Returns the attempt of a reference if it is still the company's, and still run by this host under this epoch. */
export function ownAttempt(state: CompanyState, ref: AttemptRef): Exclude<Attempt, { state: 'requested' }> | undefined {
  const { attempt } = state
  if (!attempt || attempt.state === 'requested' || state.epoch > ref.owner.epoch) return undefined
  const same = attempt.attemptId === ref.attemptId && attempt.fence === ref.fence
  return same && attempt.owner.epoch === ref.owner.epoch ? attempt : undefined
}

/** True when nothing but the item is left of the company: it may leave its shard's list. */
export const isEmpty = (state: CompanyState): boolean =>
  !state.foreign && !state.attempt && !state.credentials && state.cleanup.length === 0

/** Returns a copy without these keys. The state has no keys with the value `undefined`. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> {
  const copy = { ...value }
  for (const key of keys) delete copy[key]
  return copy
}
