/** Knowledge of a client about its pairing. */
import type { Frame } from './pair-display.ts'
import type { KnownAttempt } from './pairing-status.ts'

export type PairingRequest = { readonly requestId: string; readonly phoneNumber?: string; readonly action: string }

export type Facts = {
  readonly request: PairingRequest
  readonly isConnected: boolean
  /** True when the last `get-status` has not been answered, nor anything else received since. */
  readonly isStatusPending: boolean
  /** True from a connect to its first status: the attempt may have ended in between. */
  readonly isResuming: boolean
  readonly isCancelled: boolean
  /** Number of times that the request has been sent since it was last answered. */
  readonly unansweredRequests: number
  /** The attempt; undefined until the request is answered. */
  readonly started?: KnownAttempt | undefined
  /** The code or QR that was shown last. */
  readonly shown?: unknown
  /** Highest sequence number of this connection. */
  readonly lastSeq: number
}

/** `requestId` of every `get-status`. */
export const statusId = 'status'

export const initialFacts = (request: PairingRequest): Facts => ({
  request,
  isConnected: false,
  isStatusPending: false,
  isResuming: false,
  isCancelled: false,
  unansweredRequests: 0,
  lastSeq: 0,
})

/**
 * Returns the facts after a frame. Takes the attempt from the first answer to the request: `pairing-started` itself may
 * have got lost.
 */
export function noteFrame(facts: Facts, { requestId, attemptId, phoneNumber, seq }: Frame): Facts {
  const noted = { ...facts, isStatusPending: false, lastSeq: Math.max(facts.lastSeq, Number(seq) || 0) }
  if (facts.started || requestId !== facts.request.requestId || attemptId === undefined) return noted
  return { ...noted, started: { attemptId, phone: phoneNumber }, unansweredRequests: 0 }
}
