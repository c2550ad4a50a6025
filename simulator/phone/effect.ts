import type { IdentityFlaw } from '../crypto/device-identity.ts'
import type { Disruption } from '../wire/disruptions.ts'
import type { StanzaError } from '../wire/stanzas.ts'
import type { Screen } from './screen.ts'

/** The stages at which a phone's link can be disturbed, in order. */
export const stages = [
  /** companion_hello was answered: the code is on the companion's screen. */
  'hello',
  /** companion_finish was answered: the phone now opens the key bundle. */
  'finish',
  /** pair-success was sent. */
  'pair-success',
  /** The device's signature was accepted; 515 would be next. */
  'signed',
  /** The login was accepted; success would be next. */
  'login',
  /** success was sent. */
  'success',
  /** The device has finished its bring-up. */
  'open',
] as const

/** A stage of linking or logging in. */
export type Stage = (typeof stages)[number]

/** Deviations from the good path, one entry for each point of the flow. The good path has no entries. */
export type Effect = {
  /** The account's own number, another form of the one that companions ask for. */
  readonly knownAs?: string

  readonly helloError?: StanzaError
  readonly helloSilent?: true
  readonly helloDelayMs?: number
  /** A notification after the answer to companion_hello. */
  readonly noticeAfterHello?: Notice

  /** The phone shows this screen and does nothing else. */
  readonly screen?: Screen
  readonly mistypes?: true
  /** The phone answers a request for this other number; with `anybody`, the newest request of all. */
  readonly typesCodeOf?: string

  readonly finishError?: StanzaError
  readonly finishSilent?: true
  readonly needsPasskey?: true

  readonly identityFlaw?: IdentityFlaw | 'missing'
  readonly pairSuccess?: 'never' | { readonly afterMs: number }
  readonly withoutRestart?: 'close' | 'stay'

  readonly unlinks?: 'signed' | 'open'
  readonly removalSilent?: true

  readonly loginFailure?: { readonly reason: number; readonly attrs: Record<string, string> }
  readonly bringUp?: 'count-silent' | 'upload-refused' | 'passive-silent' | 'digest-refused'

  readonly disruptAt?: { readonly stage: Stage; readonly disruption: Disruption }
}

/** Notifications to a companion that waits for its phone. */
export type Notice = 'passkey_prologue_request' | 'companion_reg_refresh' | 'refresh_code' | 'empty'
