/** Tests with the real Baileys: what WhatsApp offers and nothing uses is acknowledged, and nothing is asked for (R65). */
import type { BinaryNode } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { info, notification, stanza } from '../../../../simulator/wire/stanzas.ts'
import { openSession } from './open-session.ts'
import { type StanzaPeer, startPeer } from './stanza-peer.ts'

let peer: StanzaPeer
beforeAll(async () => {
  peer = await startPeer()
})
afterAll(() => peer.close())

const ackOf =
  ({ attrs }: BinaryNode) =>
  ({ tag, attrs: acked }: BinaryNode) =>
    tag === 'ack' && acked['id'] === attrs['id']

/** The requests of the clients, in short. */
const requests = (from = 0) =>
  peer.received
    .slice(from)
    .filter(({ tag, attrs }) => tag === 'iq' && attrs['type'] !== 'result')
    .map(({ attrs }) => attrs['xmlns'])

test('a login asks for nothing but what keeps the session: pre-keys, and to be active', async () => {
  const from = peer.received.length
  await openSession()
  await peer.waitFor(({ tag }) => tag === 'presence')
  expect(new Set(requests(from))).toEqual(new Set(['encrypt', 'passive']))
})

const contact = '79001234560@s.whatsapp.net'
const from = (jid: string, { tag, attrs }: BinaryNode, ...content: BinaryNode[]) =>
  stanza(tag, { ...attrs, from: jid }, content)
const token = stanza('token', { type: 'trusted_contact', t: '1790000000' }, Buffer.from('token'))
const retry = stanza('retry', { id: '3EB0', count: '1', t: '1790000000', v: '1' })

test.each<[string, BinaryNode]>([
  ['changes of app state', notification('server_sync', stanza('collection', { name: 'regular', version: '7' }))],
  ['tokens of contacts', from(contact, notification('privacy_token'), stanza('tokens', {}, [token]))],
  ['new phones of contacts', from(contact, notification('encrypt'), stanza('identity'))],
  [
    'requests to send a message again',
    from(contact, stanza('receipt', { id: '3EB0', type: 'retry', t: '1790000000' }), retry),
  ],
])('%s are acknowledged; nothing is asked for or stored', async (_what, sent) => {
  const { store } = await openSession()
  await peer.waitFor(({ tag }) => tag === 'presence')
  const [first, reads, writes] = [peer.received.length, store.reads(), store.writes.length]
  peer.send(sent)
  const { attrs } = await peer.waitFor(ackOf(sent))
  expect(attrs).toEqual({ id: sent.attrs['id'], to: sent.attrs['from'], class: sent.tag, type: sent.attrs['type'] })
  const afterwards = notification('picture')
  peer.send(afterwards)
  await peer.waitFor(ackOf(afterwards))
  expect(requests(first)).toEqual([])
  expect(store.reads() - reads).toBe(0)
  expect(store.writes).toHaveLength(writes)
})

test.each(['groups', 'communities'])('changed %s are known to WhatsApp as seen, and are not fetched', async (type) => {
  await openSession()
  const from = peer.received.length
  peer.send(info(stanza('dirty', { type, timestamp: '1790000000' })))
  await expect.poll(() => requests(from)).toContain('urn:xmpp:whatsapp:dirty')
  expect(requests(from).filter((xmlns) => xmlns === 'w:g2')).toEqual([])
})

test('notifications that are used still reach Baileys: pre-keys that run low are replaced', async () => {
  await openSession()
  const from = peer.received.length
  peer.send(notification('encrypt', stanza('count', { value: '2' })))
  await expect.poll(() => requests(from)).toContain('encrypt')
})
