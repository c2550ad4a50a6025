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

const contact = '79005550001@s.whatsapp.net'
const identityChange = {
  ...notification('encrypt', stanza('identity')),
  attrs: { ...notification('encrypt').attrs, from: contact },
}

test.each<[string, BinaryNode]>([
  ['changes of app state', notification('server_sync', stanza('collection', { name: 'regular', version: '7' }))],
  [
    'tokens of contacts',
    {
      tag: 'notification',
      attrs: { ...notification('privacy_token').attrs, from: contact },
      content: [
        stanza('tokens', {}, [stanza('token', { type: 'trusted_contact', t: '1790000000' }, Buffer.from('token'))]),
      ],
    },
  ],
  ['new phones of contacts', identityChange],
])('%s are acknowledged; nothing is asked for or stored', async (_what, sent) => {
  const { store } = await openSession()
  await peer.waitFor(({ tag }) => tag === 'presence')
  const [from, reads, writes] = [peer.received.length, store.reads(), store.writes.length]
  peer.send(sent)
  const { attrs } = await peer.waitFor(ackOf(sent))
  expect(attrs).toEqual({
    id: sent.attrs['id'],
    to: sent.attrs['from'],
    class: 'notification',
    type: sent.attrs['type'],
  })
  const afterwards = notification('picture')
  peer.send(afterwards)
  await peer.waitFor(ackOf(afterwards))
  expect(requests(from)).toEqual([])
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
