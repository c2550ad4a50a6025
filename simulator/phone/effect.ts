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

/** What deviates from the good path, each where it is looked up. An effect without entries is the good path itself. */
export type Effect = {
  /** The account answers to this number, another form of the one that was asked for. */
  readonly knownAs?: string

  readonly helloError?: StanzaError
  readonly helloSilent?: true
  readonly helloDelayMs?: number
  /** A notification that follows the answer to companion_hello. */
  readonly noticeAfterHello?: Notice

  /** The phone shows this and does nothing. */
  readonly screen?: Screen
  readonly mistypes?: true
  /** The phone completes a request that was made for this other number; `anybody`: the newest of all. */
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

/** Notifications that a companion gets while it waits for its phone. */
export type Notice = 'passkey_prologue_request' | 'companion_reg_refresh' | 'refresh_code' | 'empty'
