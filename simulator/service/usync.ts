import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from '@whiskeysockets/baileys'
import { numberOf } from '../messages/post-office.ts'
import { lidOf } from '../phone/phone.ts'
import { childText, resultOf, stanza } from '../wire/stanzas.ts'
import type { Session, World } from './world.ts'

/** Answers a device's questions about users: whether they have WhatsApp, their LIDs, their devices. */
export function answerUsync(world: World, _session: Session, iq: BinaryNode): BinaryNode[] {
  const usync = getBinaryNodeChild(iq, 'usync')
  const asked = getBinaryNodeChildren(getBinaryNodeChild(usync, 'query'), 'contact').length > 0
  const users = getBinaryNodeChildren(getBinaryNodeChild(usync, 'list'), 'user')
  const known = users.flatMap((user) => {
    const number = numberIn(world, user)
    return number === undefined ? [] : [describe(world, number, asked)]
  })
  return [resultOf(iq, stanza('usync', usync?.attrs, [stanza('result'), stanza('list', {}, known)]))]
}

function numberIn(world: World, user: BinaryNode): string | undefined {
  const { jid } = user.attrs
  if (jid?.endsWith('@lid')) return numberOf(world, jid)
  const text = user.attrs['jid'] ?? childText(user, 'contact') ?? ''
  return /^\+?(\d+)(?:[:@]|$)/.exec(text)?.[1]
}

function describe(world: World, number: string, withContact: boolean): BinaryNode {
  const devices = world.phones.get(number)?.devices ?? []
  const ids = devices.map(({ id, keyIndex }) => stanza('device', { id: String(id), 'key-index': String(keyIndex) }))
  const list = stanza('device-list', {}, [stanza('device', { id: '0' }), ...ids])
  const facts = [stanza('lid', { val: `${lidOf(number)}@lid` }), stanza('devices', {}, [list])]
  if (withContact) facts.unshift(stanza('contact', { type: 'in' }))
  return stanza('user', { jid: `${number}@s.whatsapp.net` }, facts)
}
