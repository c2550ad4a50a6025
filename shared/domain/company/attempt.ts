/** One try to link a company (requirements, "Attempts"): its states, deadlines and words. */
import type { BudgetTicket } from '../values/budget.ts'
import type { Failure } from '../values/errors.ts'

/** How the owner links: types a code into WhatsApp, or scans a QR. Never both on one socket (R22). */
export type Method = 'code' | 'qr'

/** A request that waits for events of an attempt, on the connection that sent it. */
export type Waiting = {
  readonly connectionId: string
  readonly requestId?: string
  /** It has had its answer, a code or a QR, before the link: `whatsapp-connected` is no second one. */
  readonly isAnswered?: true
}

/** The host that runs an attempt, by the epoch of its lease. */
export type Owner = { readonly hostId: string; readonly epoch: number }

/** What the owner is shown. */
export type Shown = { readonly code: string } | { readonly qr: string }

type Common = {
  readonly attemptId: string
  /** Raised by every request, cancel, supersede and reset; whatever carries a lower one is stale. */
  readonly fence: number
  readonly method: Method
  /** Digits; absent when a QR was asked for without naming a phone. */
  readonly phone?: string
  readonly waiting: readonly Waiting[]
  /** Follows the request through every log line (R37). */
  readonly correlationId: string
  /** Epoch ms. */
  readonly requestedAt: number
  /** Epoch ms by which a code must be issued (R18). */
  readonly deadline: number
}

/** What pair-success has brought, before it is the company's. */
export type Link = {
  /** A ULID, never a counter: counters come back after a restore. */
  readonly generation: string
  /** Data key of the generation, wrapped by KMS (base64). */
  readonly wrappedKey: string
  /** Digits; absent when the identity could not be read (R3). */
  readonly phone?: string
}

type Owned = Common & { readonly owner: Owner }
type Issued = Owned & {
  readonly shown: Shown
  /** Epoch ms: when the code or the QR on screen lapses. */
  readonly expiresAt: number
  /** Epoch ms: when the socket that answers for the code is gone (R19). */
  readonly socketUntil: number
}

/** A running attempt. Terminal states are not stored: an ended attempt is an `AttemptOutcome`. */
export type Attempt =
  /** `ticket` is the code that was taken for it, to be given back if WhatsApp is never asked (R24). */
  | (Common & { readonly state: 'requested'; readonly ticket?: BudgetTicket })
  /** A host has accepted; `awaitsSession` when the phone is linked already and only its session is awaited (R9). */
  | (Owned & { readonly state: 'connecting'; readonly awaitsSession: boolean })
  | (Issued & { readonly state: 'code-issued' })
  /**
   * The phone has answered; `answerBy` is when pair-success must have come. `isLate`: only after the client was told that
   * the code expired.
   */
  | (Issued & { readonly state: 'phone-confirmed'; readonly answerBy: number; readonly isLate?: true })
  /** The client was told that the code expired, yet a code typed late still links (R19). */
  | (Issued & { readonly state: 'expired' })
  /** Pair-success has happened; `link` is noted before it is stored, so that whoever comes next can undo it (R11). */
  | (Owned & { readonly state: 'storing'; readonly link: Link; readonly connectBy: number })
  /** Linked and installed; the socket reopens (515). */
  | (Owned & { readonly state: 'restarting'; readonly connectBy: number })

export type AttemptState = Attempt['state']

/** How an attempt ended, kept for polls and for "last error". */
export type AttemptOutcome = {
  readonly attemptId: string
  /** Absent in outcomes that were stored before it was kept. */
  readonly method?: Method
  readonly state: 'connected' | 'failed' | 'expired' | 'cancelled' | 'superseded'
  readonly failure?: Failure
  /** Epoch ms. */
  readonly at: number
}

/** Seconds and milliseconds of an attempt; the configurable ones come from the environment. */
export const attemptTimes = {
  /** From the phone's answer to pair-success (R18). */
  answerMs: 15_000,
  /** From pair-success to connected (R18). */
  connectMs: 60_000,
  /** How long a linked phone's reconnecting session is awaited (R9). */
  sessionMs: 10_000,
  /** How late the next QR may come. */
  nextQrMs: 5_000,
  /** How long Baileys keeps a registration socket: 60 s and five QR refs of 20 s. */
  socketMs: 160_000,
} as const

/** Whether the client has been told that the code expired: the attempt gives way to any new request (R19). */
export const isToldExpired = (attempt: Attempt): boolean =>
  attempt.state === 'expired' || (attempt.state === 'phone-confirmed' && attempt.isLate === true)

/** Whether something goes on: nobody has to do with an expired code any more. */
export const isRunning = (attempt: Attempt | undefined): attempt is Attempt =>
  attempt !== undefined && attempt.state !== 'expired'

/** Epoch ms at which the attempt must have moved on. */
export function deadlineOf(attempt: Attempt): number {
  switch (attempt.state) {
    case 'requested':
    case 'connecting':
      return attempt.deadline
    case 'code-issued':
      // A QR that lapses is followed by the next one at once, as long as its host lives (R19).
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
