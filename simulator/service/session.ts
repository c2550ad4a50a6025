import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren, S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { openBox } from '../messages/box.ts'
import { boxOf } from '../messages/post-office.ts'
import { count } from '../messages/record.ts'
import { disrupted, take, takeIf } from '../phone/behaviour.ts'
import { errorOf, info, resultOf, stanza } from '../wire/stanzas.ts'
import { eachStanza } from './conversation.ts'
import { takeAck, takePeerMessage, takeReceipt } from './inbound.ts'
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
  'w:sync:app:state': answerAppState,
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
  if (received.tag === 'ack') return takeAck(world, session, received)
  if (received.tag === 'receipt') return takeReceipt(world, session, received)
  if (received.tag === 'message') {
    takePeerMessage(world, session, received)
    return [stanza('ack', { from: S_WHATSAPP_NET, class: 'message', id })]
  }
  if (received.tag !== 'iq' || type === 'result' || type === 'error') return []
  count(boxOf(world.mail, session.device).record.requests, xmlns)
  if (world.mail.unanswered.get(session.phone.number)?.includes(xmlns)) return []
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

/** Lets the device have what has waited for it, when it says that it is active. */
function answerPassive(world: World, { phone, device, channel }: Session, iq: BinaryNode): BinaryNode[] {
  if (takeIf(phone, 'bringUp', 'passive-silent')) return []
  if (!getBinaryNodeChild(iq, 'active')) return [resultOf(iq)]
  channel.send(resultOf(iq))
  const waiting = openBox(boxOf(world.mail, device), channel)
  return [info(stanza('offline', { count: String(waiting) }))]
}

/** Answers that nothing is new in the collections that the device asks for. */
function answerAppState(_world: World, _session: Session, iq: BinaryNode): BinaryNode[] {
  const collections = getBinaryNodeChildren(getBinaryNodeChild(iq, 'sync'), 'collection').map(({ attrs }) =>
    stanza('collection', { name: attrs['name'] ?? '', version: attrs['version'] ?? '0' }, [stanza('patches')]),
  )
  return [resultOf(iq, stanza('sync', {}, collections))]
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
