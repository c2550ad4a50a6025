import { type BinaryNode, getBinaryNodeChild, S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { disrupted, take, takeIf } from '../phone/behaviour.ts'
import { errorOf, info, resultOf, stanza } from '../wire/stanzas.ts'
import { eachStanza } from './conversation.ts'
import { answerEncrypt } from './pre-keys.ts'
import { removeDevice } from './remove-device.ts'
import { answerUsync } from './usync.ts'
import { recordViolation } from './violations.ts'
import { type Session, silenceOf, type World } from './world.ts'

/** Answers the iqs of one xmlns with any number of stanzas. */
type Answer = (world: World, session: Session, iq: BinaryNode) => BinaryNode[]

const answers: Readonly<Record<string, Answer>> = {
  encrypt: answerEncrypt,
  passive: answerPassive,
  md: answerRemoval,
  usync: answerUsync,
  abt: (_world, _session, iq) => [resultOf(iq, stanza('props', { protocol: '1', hash: 'simulated' }))],
  blocklist: (_world, _session, iq) => [resultOf(iq, stanza('list'))],
  privacy: (_world, _session, iq) => [resultOf(iq, stanza('privacy'))],
}

/** Serves a device that has logged in, until its connection ends. */
export async function serveSession(world: World, session: Session): Promise<void> {
  await eachStanza(world, session.channel, (received) => {
    session.longestSilenceMs = silenceOf(session)
    session.lastReceivedAt = performance.now()
    if (received.tag === 'ib' && getBinaryNodeChild(received, 'unified_session')) handleBringUpDone(world, session)
    else for (const reply of replies(world, session, received)) session.channel.send(reply)
  })
}

function replies(world: World, session: Session, received: BinaryNode): BinaryNode[] {
  const { id = '', type, xmlns = '' } = received.attrs
  if (received.tag === 'message') return [stanza('ack', { from: S_WHATSAPP_NET, class: 'message', id })]
  if (received.tag !== 'iq' || type === 'result' || type === 'error') return []
  const answer = Object.hasOwn(answers, xmlns) ? answers[xmlns] : undefined
  // Pings and requests that are not modelled get an empty result: without one, the client would wait for a time-out.
  return answer ? answer(world, session, received) : [resultOf(received)]
}

/**
 * Handles the end of the device's bring-up. Its sign is telemetry (`unified_session`), which a client sends as soon as
 * it regards the connection as open.
 */
function handleBringUpDone(world: World, session: Session): void {
  if (session.isUp) return
  session.isUp = true
  const { phone, device, channel } = session
  if (takeIf(phone, 'unlinks', 'open')) removeDevice(world, phone, device, 'phone')
  else disrupted(phone, 'open', channel)
}

function answerPassive(_world: World, { phone }: Session, iq: BinaryNode): BinaryNode[] {
  if (takeIf(phone, 'bringUp', 'passive-silent')) return []
  return [resultOf(iq), info(stanza('offline', { count: '0' }))]
}

/** Removes a device that logs out. It gets the result first, then the stream error that it was removed. */
function answerRemoval(world: World, { phone, device, channel }: Session, iq: BinaryNode): BinaryNode[] {
  const removal = getBinaryNodeChild(iq, 'remove-companion-device')
  if (!removal) return [resultOf(iq)]
  const jid = `${phone.number}:${device.id}@s.whatsapp.net`
  if (removal.attrs['jid'] !== jid) {
    const detail = `${removal.attrs['jid']} is not ${jid}`
    recordViolation(world, channel.connection, 'removes-other-device', detail, phone.number)
    return [errorOf(iq, { code: 403, text: 'forbidden' })]
  }
  if (take(phone, 'removalSilent')) return []
  channel.send(resultOf(iq))
  removeDevice(world, phone, device, 'companion')
  return []
}
