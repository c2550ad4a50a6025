import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Channel } from '../wire/channel.ts'
import type { Expectation } from '../wire/expectation.ts'
import type { DeviceKeys } from './device-keys.ts'
import type { Phone } from './phone.ts'
import type { Screen } from './screen.ts'

/** A client that is not linked yet and waits for a phone to link it. */
export type Registration = {
  readonly channel: Channel
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly keys: DeviceKeys
  readonly platform: string
  /** The refs of its QR codes. A phone that scans a code sends the ref. */
  readonly refs: readonly string[]
  /** True when the client has confirmed pair-device. Before that it may not ask for a code. */
  isReady: boolean
  /** True when companion_reg_refresh has retired the secret in its QR codes. */
  hasRetiredQr: boolean
  /** True from the moment that a phone has accepted the client. */
  isLinking: boolean
  /** The request for a code that waits for its phone. */
  pending?: PendingCode
  /** The signature that is due after pair-success: the id of the iq, and the expected answer. */
  signature?: { readonly id: string; readonly answer: Expectation<BinaryNode> }
}

/** A companion's request for a link. It waits for the phone's owner to type the code. */
export type PendingCode = {
  readonly ref: string
  readonly phone: Phone
  /** The companion's ephemeral public key, wrapped under the code. */
  readonly wrappedEphemeral: Buffer
  readonly issuedAt: number
  /** Settles when the last code that was typed for this request has an outcome. */
  lastTry: Promise<unknown>
  /** Set while the phone, after primary_hello, waits for companion_finish. */
  exchange?: Exchange
}

/** A phone that has sent primary_hello, and the answer that it expects. */
export type Exchange = {
  readonly phone: Phone
  readonly answer: Expectation<FinishAnswer>
}

/** Result of companion_finish for the phone: the companion's key bundle, or the screen that ends linking. */
export type FinishAnswer = { readonly bundle: Buffer } | { readonly screen: Screen }
