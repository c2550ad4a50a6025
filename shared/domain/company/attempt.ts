/** One try to link a company (requirements, "Attempts"): its states and deadlines. */
import type { BudgetTicket } from '../values/budget.ts'
import type { Failure } from '../values/errors.ts'

/** Method of linking: the owner types a code into WhatsApp, or scans a QR. Never both on one socket (R22). */
export type Method = 'code' | 'qr'

/** A request that waits for events of an attempt, on the connection that sent it. */
export type Waiting = {
  readonly connectionId: string
  readonly requestId?: string
  /** The request got its answer, a code or a QR, before the link: `whatsapp-connected` would be a second one. */
  readonly isAnswered?: true
}

/** Limit of the requests that wait on one attempt, and of those that wait for resets (R67). */
export const maxWaiting = 50

/** True for two requests that a client cannot tell apart: they get one answer. */
export const isSameRequest = (a: Waiting, b: Waiting): boolean =>
  a.connectionId === b.connectionId && a.requestId === b.requestId

/** A host in one of its ownerships of a shard; `epoch` counts the ownerships of the shard (`LeaseSeen.epoch`). */
export type Owner = { readonly hostId: string; readonly epoch: number }

/** The code or QR on the business owner's screen. */
export type Shown = { readonly code: string } | { readonly qr: string }

type Common = {
  readonly attemptId: string
  /**
   * The company's fence when the attempt started, or when an adoption turned it back into a request. It counts the
   * decisions that make earlier steps void: a function raises it by one with a request that starts an attempt, with a
   * cancel of one, with a reset that changes something, and when the watchdog ends an attempt; a host when it adopts an
   * attempt without a code (R28).
   * A host's step that names another fence is stale.
   */
  readonly fence: number
  readonly method: Method
  /** Digits; absent when a QR request named no phone. */
  readonly phone?: string
  readonly waiting: readonly Waiting[]
  /** Follows the request through every log line (R37). */
  readonly correlationId: string
  /** Epoch ms. */
  readonly requestedAt: number
  /** Epoch ms by which a code must be issued (R18). */
  readonly deadline: number
  /** Generation of another phone that the first code retires, or that ended during the attempt (R8). */
  readonly replaces?: string
}

/** A new link: pair-success has happened, and the company's state does not refer to its credentials yet. */
export type Link = {
  /**
   * Name of the new set of credentials: a ULID that the host makes at pair-success, compared for equality only. It is
   * not a counter because a restored table would count again.
   */
  readonly generation: string
  /** Data key of the generation, wrapped by KMS (base64). */
  readonly wrappedKey: string
  /** Digits; absent when the identity could not be read (R3). */
  readonly phone?: string
}

type Owned = Common & { readonly owner: Owner }
type Issued = Owned & {
  readonly shown: Shown
  /** Epoch ms at which the code or the QR on screen expires. */
  readonly expiresAt: number
  /** Epoch ms at which the socket of the code ends: until then a code typed late still links (R19). */
  readonly socketUntil: number
}

/** A running attempt. Terminal states are not stored: an ended attempt is an `AttemptOutcome`. */
export type Attempt =
  /**
   * No host has accepted yet. `ticket` is the code taken for it, given back if WhatsApp is never asked (R24). `acceptedAt`
   * (epoch ms): a former host had accepted it, and may have asked WhatsApp (R28).
   */
  | (Common & { readonly state: 'requested'; readonly ticket?: BudgetTicket; readonly acceptedAt?: number })
  /**
   * A host has accepted; `awaitsSession` when the phone is linked already and only its session is awaited (R9).
   * `acceptedAt` is epoch ms, absent in attempts that an older build accepted. The ticket stays, for a host that has to
   * begin again (R28).
   */
  | (Owned & {
      readonly state: 'connecting'
      readonly awaitsSession: boolean
      readonly acceptedAt?: number
      readonly ticket?: BudgetTicket
    })
  | (Issued & { readonly state: 'code-issued' })
  /**
   * The phone has answered, and pair-success must follow by `answerBy` (epoch ms). `isLate`: the phone answered after
   * the client had been told that the code expired.
   */
  | (Issued & { readonly state: 'phone-confirmed'; readonly answerBy: number; readonly isLate?: true })
  /** The client was told that the code expired, yet a code typed late still links (R19). */
  | (Issued & { readonly state: 'expired' })
  /**
   * Pair-success has happened. `link` is recorded before its credentials are stored, so that another host can remove
   * the device if this one dies (R11). `connectBy` is epoch ms.
   */
  | (Owned & { readonly state: 'storing'; readonly link: Link; readonly connectBy: number })
  /** The link is the current generation, and its socket reopens (515). */
  | (Owned & { readonly state: 'restarting'; readonly connectBy: number })

export type AttemptState = Attempt['state']

/** Outcome of the last attempt, kept for polls and for metrics. */
export type AttemptOutcome = {
  readonly attemptId: string
  /** Absent in outcomes that an older build stored. */
  readonly method?: Method
  readonly state: 'connected' | 'failed' | 'expired' | 'cancelled' | 'superseded'
  readonly failure?: Failure
  /** Epoch ms. */
  readonly at: number
}

/** Fixed times of an attempt, in milliseconds; the configurable ones come from the environment. */
export const attemptTimes = {
  /** From the phone's answer to pair-success (R18). */
  answerMs: 15_000,
  /** From pair-success to connected (R18). */
  connectMs: 60_000,
  /** Longest wait for a linked phone's session to reconnect (R9). */
  sessionMs: 10_000,
  /** Time that must be left before the deadline for another host to begin again (R28). */
  requeueMs: 8_000,
  /** The same, with the time that a shard needs to change hosts. */
  successorNeedsMs: 10_000,
  /** Time after its expiry in which a code that is typed late still links, also while its host leaves (R19). */
  graceMs: 10_000,
  /** Shortest time that a code is on screen: a host that would leave before accepts no request (R19, R28). */
  leastShownMs: 50_000,
  /** Longest delay of the next QR after the last one expired (R19). */
  nextQrMs: 5_000,
  /** Lifetime of a registration socket in Baileys: 60 s for the first QR ref and 20 s for each of the other five. */
  socketMs: 160_000,
} as const

/** True when the client has been told that the code expired: any new request supersedes such an attempt (R19). */
export const isExpiryReported = (attempt: Attempt): boolean =>
  attempt.state === 'expired' || (attempt.state === 'phone-confirmed' && attempt.isLate === true)

/** True for an attempt that a host has accepted. */
export const isAccepted = ({ state }: Attempt): boolean => state !== 'requested'

/**
 * True for an attempt that must not end because its shard moves: its owner waits for it, or may still type its code
 * (R19, R28).
 */
export const isWaitedFor = (attempt: Attempt, now: number): boolean =>
  attempt.state !== 'expired' || now < attempt.expiresAt + attemptTimes.graceMs

/**
 * Epoch ms at which a host that leaves has waited for an accepted attempt; `Infinity` while its code may still come, and 0
 * for a link that is about to connect.
 */
export function waitedForUntil(attempt: Attempt): number {
  // One QR follows another until the socket ends.
  if ('shown' in attempt) {
    const typedUntil = 'qr' in attempt.shown ? attempt.socketUntil : attempt.expiresAt + attemptTimes.graceMs
    return attempt.state === 'phone-confirmed' ? Math.max(typedUntil, attempt.answerBy) : typedUntil
  }
  if (attempt.state !== 'connecting') return 0
  return attempt.awaitsSession ? sessionAwaitedUntil(attempt) : Number.POSITIVE_INFINITY
}

/** Epoch ms until which an attempt waits for a session of its phone that is linked already (R9). */
export const sessionAwaitedUntil = ({ acceptedAt, requestedAt }: Extract<Attempt, { state: 'connecting' }>): number =>
  (acceptedAt ?? requestedAt) + attemptTimes.sessionMs

/** Epoch ms at which the attempt must have moved on. */
export function deadlineOf(attempt: Attempt): number {
  switch (attempt.state) {
    case 'requested':
    case 'connecting':
      return attempt.deadline
    case 'code-issued':
      // As long as the host lives, the next QR follows an expired one at once (R19).
      return 'qr' in attempt.shown ? attempt.expiresAt + attemptTimes.nextQrMs : attempt.expiresAt
    case 'phone-confirmed':
      return attempt.answerBy
    case 'expired':
      return attempt.socketUntil
    case 'storing':
    case 'restarting':
      return attempt.connectBy
  }
}
