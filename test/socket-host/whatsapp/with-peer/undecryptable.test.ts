/** Tests with the real Baileys: messages that cannot be decrypted cost their company little (R65). */
import { randomBytes } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nowSeconds, stanza } from '../../../../simulator/wire/stanzas.ts'
import { keysAtOnce } from '../../../../socket-host/whatsapp/retry-counts.ts'
import { openSession } from './open-session.ts'
import { type StanzaPeer, startPeer } from './stanza-peer.ts'

let peer: StanzaPeer
beforeAll(async () => {
  peer = await startPeer()
})
afterAll(() => peer.close())

const count = 200
const ids = (test: string) => Array.from({ length: count }, (_, index) => `${test}-${index}`)

/** A message of a contact whose session we do not have. */
const undecryptable = (id: string): BinaryNode =>
  stanza(
    'message',
    { id, from: '200000000000001@lid', sender_pn: '79001234560@s.whatsapp.net', type: 'text', t: nowSeconds() },
    [stanza('enc', { v: '2', type: 'msg' }, randomBytes(80))],
  )

const received = (tag: string, test: string) =>
  peer.received.filter((it) => it.tag === tag && it.attrs['id']?.startsWith(`${test}-`))
const hasKeys = ({ content }: BinaryNode) => Array.isArray(content) && content.some(({ tag }) => tag === 'keys')

test('hundreds of them are answered by a retry receipt each, at once; nothing is stored, and the phone is asked nothing', async () => {
  const { store } = await openSession()
  await peer.waitFor(({ tag }) => tag === 'presence')
  peer.send(undecryptable('before-0'))
  await expect.poll(() => received('ack', 'before')).toHaveLength(1)
  const writes = store.writes.length
  for (const id of ids('first')) peer.send(undecryptable(id))
  await expect.poll(() => received('ack', 'first'), { timeout: 20_000 }).toHaveLength(count)
  const receipts = received('receipt', 'first')
  expect(receipts.map(({ attrs }) => attrs['type'])).toEqual(Array(count).fill('retry'))
  expect(receipts.filter(hasKeys)).toEqual([])
  expect(store.writes).toHaveLength(writes)
  expect(peer.received.filter(({ tag }) => tag === 'message')).toEqual([])
})

test('when all of them fail again, only a few receipts offer a new pre-key, because each is stored', async () => {
  const { store } = await openSession()
  for (const id of ids('again')) peer.send(undecryptable(id))
  await expect.poll(() => received('ack', 'again'), { timeout: 20_000 }).toHaveLength(count)
  const writes = store.writes.length
  for (const id of ids('again')) peer.send(undecryptable(id))
  await expect.poll(() => received('ack', 'again'), { timeout: 20_000 }).toHaveLength(2 * count)
  const offers = received('receipt', 'again').filter(hasKeys)
  expect(offers).toHaveLength(keysAtOnce)
  expect(store.writes.length - writes).toBeLessThanOrEqual(2 * keysAtOnce)
})
