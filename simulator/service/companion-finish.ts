import type { BinaryNode } from '@whiskeysockets/baileys'
import { disrupted, take } from '../phone/behaviour.ts'
import type { Phone } from '../phone/phone.ts'
import type { Screen } from '../phone/screen.ts'
import type { Expectation } from '../wire/expectation.ts'
import { childBytes, childText, errorOf, resultOf } from '../wire/stanzas.ts'
import { sendNotice } from './companion-hello.ts'
import type { Registration } from './registration.ts'
import { noteViolation, type ViolationKind } from './violations.ts'
import type { World } from './world.ts'

/** A companion's request for a link that waits for its phone to type the code. */
export interface PendingCode {
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
export interface Exchange {
  readonly phone: Phone
  readonly answer: Expectation<FinishAnswer>
}

/** What the phone gets: the companion's key bundle, or the end of it all. */
export type FinishAnswer = { readonly bundle: Buffer } | { readonly screen: Screen }

/** Takes the companion's answer to primary_hello and passes it on to the phone. */
export function answerFinish(world: World, registration: Registration, iq: BinaryNode, finish: BinaryNode): void {
  const { channel, pending } = registration
  const exchange = pending?.exchange
  const bundle = childBytes(finish, 'link_code_pairing_wrapped_key_bundle')
  const fault = faultIn(registration, finish)
  if (fault) noteViolation(world, channel.connection, fault.kind, fault.detail, pending?.phone.number)
  if (fault || !exchange || !bundle) {
    channel.send(errorOf(iq, { code: 400, text: 'bad-request' }))
    return
  }
  // One answer for every primary_hello.
  delete pending.exchange
  passOn(registration, iq, exchange, bundle)
}

function passOn(registration: Registration, iq: BinaryNode, { phone, answer }: Exchange, bundle: Buffer): void {
  const { channel } = registration
  const refusal = take(phone, 'finishError')
  if (refusal) channel.send(errorOf(iq, refusal))
  if (refusal || take(phone, 'finishSilent')) {
    answer.abandon()
    return
  }
  channel.send(resultOf(iq))
  if (disrupted(phone, 'finish', channel)) {
    answer.abandon()
  } else if (take(phone, 'needsPasskey')) {
    sendNotice(registration, 'passkey_prologue_request')
    answer.fulfil({ screen: 'passkey required' })
  } else {
    answer.fulfil({ bundle })
  }
}

type Fault = { readonly kind: ViolationKind; readonly detail: string }

function faultIn({ pending, identityKey }: Registration, finish: BinaryNode): Fault | undefined {
  if (!pending?.exchange || childText(finish, 'link_code_pairing_ref') !== pending.ref) {
    return { kind: 'finish-unasked', detail: 'no phone waits for an answer with this ref' }
  }
  if (!childBytes(finish, 'companion_identity_public')?.equals(identityKey)) {
    return { kind: 'finish-identity-mismatch', detail: 'companion_identity_public is not the registered identity' }
  }
  if (!childBytes(finish, 'link_code_pairing_wrapped_key_bundle')) {
    return { kind: 'finish-malformed', detail: 'no key bundle' }
  }
  return undefined
}
