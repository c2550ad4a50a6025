import { randomBytes } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { isWrappedKey } from '../crypto/link-code.ts'
import { disrupted, take } from '../phone/behaviour.ts'
import { sendNotice } from '../phone/notice.ts'
import { accountOf, type Phone, phoneOf } from '../phone/phone.ts'
import type { Registration } from '../phone/waiting-companion.ts'
import { childBytes, childText, errorOf, resultOf, type StanzaError, stanza } from '../wire/stanzas.ts'
import { recordViolation, type ViolationKind } from './violations.ts'
import type { World } from './world.ts'

// The names and numbers of companion platforms in WhatsApp Web. The service refuses other brands.
const platformIds = new Map([
  ['Chrome', '1'],
  ['Edge', '2'],
  ['Firefox', '3'],
  ['IE', '4'],
  ['Opera', '5'],
  ['Safari', '6'],
])
const systems = new Set(['Windows', 'Mac OS', 'Linux', 'Ubuntu', 'Debian', 'Fedora', 'Chrome OS'])

const badRequest: StanzaError = { code: 400, text: 'bad-request' }

/** Answers companion_hello, a companion's request to be linked by code. */
export function answerHello(world: World, registration: Registration, iq: BinaryNode, hello: BinaryNode): void {
  const { connection, send } = registration.channel
  const number = /^(\d+)@s\.whatsapp\.net$/.exec(hello.attrs['jid'] ?? '')?.[1]
  const fault = faultIn(registration, hello, number)
  if (fault) recordViolation(world, connection, fault.kind, fault.detail, number)
  if (number === undefined || fault) {
    send(errorOf(iq, badRequest))
    return
  }
  phoneOf(world, number).companionHellos += 1
  const phone = accountOf(world, number)
  const refusal = take(phone, 'helloError')
  if (refusal) {
    world.emit({ type: 'codeRefused', phone: number, code: refusal.code, why: refusal.text })
    send(errorOf(iq, refusal))
    return
  }
  if (take(phone, 'helloSilent')) return
  const accept = () => acceptHello(world, registration, phone, iq, hello)
  const delayMs = take(phone, 'helloDelayMs')
  if (delayMs === undefined) accept()
  else connection.later(delayMs, accept)
}

function acceptHello(world: World, registration: Registration, phone: Phone, iq: BinaryNode, hello: BinaryNode): void {
  const { channel } = registration
  const ref = randomBytes(16).toString('base64url')
  supersedePending(world, registration, phone)
  registration.pending = {
    ref,
    phone,
    wrappedEphemeral: childBytes(hello, 'link_code_pairing_wrapped_companion_ephemeral_pub') ?? Buffer.alloc(0),
    issuedAt: Date.now(),
    lastTry: Promise.resolve(),
  }
  world.emit({
    type: 'codeRequested',
    phone: phone.number,
    display: childText(hello, 'companion_platform_display') ?? '',
  })
  const reply = stanza('link_code_companion_reg', { stage: 'companion_hello' }, [
    stanza('link_code_pairing_ref', {}, Buffer.from(ref)),
  ])
  channel.send(resultOf(iq, reply))
  if (disrupted(phone, 'hello', channel)) return
  const notice = take(phone, 'noticeAfterHello')
  if (notice) sendNotice(registration, notice)
}

type Fault = { readonly kind: ViolationKind; readonly detail: string }

function faultIn(registration: Registration, hello: BinaryNode, number: string | undefined): Fault | undefined {
  const serverAuthKey = childBytes(hello, 'companion_server_auth_key_pub')
  const [, browser = '', system = ''] =
    /^(.+) \((.+)\)$/.exec(childText(hello, 'companion_platform_display') ?? '') ?? []

  if (number === undefined) return { kind: 'hello-jid-not-digits', detail: String(hello.attrs['jid']) }
  if (!registration.isReady) return { kind: 'hello-before-pair-device', detail: 'pair-device was not confirmed yet' }
  if (!isWrappedKey(childBytes(hello, 'link_code_pairing_wrapped_companion_ephemeral_pub'))) {
    return { kind: 'hello-malformed', detail: 'the wrapped ephemeral key is not 80 bytes' }
  }
  if (!serverAuthKey?.equals(registration.noiseKey)) {
    return { kind: 'hello-noise-key-mismatch', detail: 'companion_server_auth_key_pub is not the static key' }
  }
  // WhatsApp Web sends the nonce as one zero byte, Baileys as the text "0".
  if (!['0', '\0'].includes(childText(hello, 'link_code_pairing_nonce') ?? '')) {
    return { kind: 'hello-malformed', detail: 'the nonce is not zero' }
  }
  if (!platformIds.has(browser) || !systems.has(system)) {
    return { kind: 'hello-display-not-canonical', detail: `${browser} (${system})` }
  }
  if (childText(hello, 'companion_platform_id') !== platformIds.get(browser)) {
    return { kind: 'hello-display-not-canonical', detail: `platform id of another browser than ${browser}` }
  }
  return undefined
}

/**
 * Cancels other requests of this companion or for this number, and records each as a violation: a companion should have
 * one request at a time, and a number should have one companion at a time.
 */
function supersedePending(world: World, registration: Registration, phone: Phone): void {
  const { connection } = registration.channel
  for (const other of world.registrations) {
    if (!other.pending || (other.pending.phone !== phone && other !== registration)) continue
    const kind = other === registration ? 'hello-while-pending' : 'hello-while-pending-elsewhere'
    recordViolation(
      world,
      connection,
      kind,
      `the code of connection ${other.channel.connection.id} still waits`,
      phone.number,
    )
    // The phone answers the newest request only.
    delete other.pending
  }
}
