import type { BinaryNode } from '@whiskeysockets/baileys'
import { disrupted, take } from '../phone/behaviour.ts'
import { sendNotice } from '../phone/notice.ts'
import type { Exchange, Registration } from '../phone/waiting-companion.ts'
import { childBytes, childText, errorOf, resultOf } from '../wire/stanzas.ts'
import { recordViolation, type ViolationKind } from './violations.ts'
import type { World } from './world.ts'

/** Checks companion_finish, the companion's answer to primary_hello, and passes it to the phone. */
export function answerFinish(world: World, registration: Registration, iq: BinaryNode, finish: BinaryNode): void {
  const { channel, pending } = registration
  const exchange = pending?.exchange
  const bundle = childBytes(finish, 'link_code_pairing_wrapped_key_bundle')
  const fault = faultIn(registration, finish)
  if (fault) recordViolation(world, channel.connection, fault.kind, fault.detail, pending?.phone.number)
  if (fault || !exchange || !bundle) {
    channel.send(errorOf(iq, { code: 400, text: 'bad-request' }))
    return
  }
  // Each primary_hello gets one answer.
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
