import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Channel } from '../wire/channel.ts'
import type { Expectation } from '../wire/expectation.ts'
import type { Phone } from './phone.ts'
import type { Screen } from './screen.ts'

/** A client that is not linked, and waits for a phone to link it. */
export type Registration = {
  readonly channel: Channel
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly platform: string
  /** What its QR codes are made of: a phone that scans one names the ref. */
  readonly refs: readonly string[]
  /** Set when the client has confirmed pair-device; before that it may not ask for a code. */
  isReady: boolean
  /** Set when the secret in its QR codes was retired by companion_reg_refresh. */
  hasRetiredQr: boolean
  /** Set from the moment a phone has accepted the client. */
  isLinking: boolean
  /** The code that waits for its phone. */
  pending?: PendingCode
  /** The signature that is due after pair-success: the id of the iq, and what waits for the answer. */
  signature?: { readonly id: string; readonly answer: Expectation<BinaryNode> }
}

/** A companion's request for a link that waits for its phone to type the code. */
export type PendingCode = {
  readonly ref: string
  readonly phone: Phone
  /** The companion's ephemeral key, which only the right code unwraps. */
  readonly wrappedEphemeral: Buffer
  readonly issuedAt: number
  /** How the last code that was typed for it turned out. */
  lastTry: Promise<unknown>
  /** Set while a phone that has typed a code waits for the companion's answer. */
  exchange?: Exchange
}

/** A phone that has answered a request with primary_hello. */
export type Exchange = {
  readonly phone: Phone
  readonly answer: Expectation<FinishAnswer>
}

/** What the phone gets: the companion's key bundle, or the end of it all. */
export type FinishAnswer = { readonly bundle: Buffer } | { readonly screen: Screen }
