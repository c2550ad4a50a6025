import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { makeEventBuffer, type SignalDataSet } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { dropUnusedEvents, usedEvents, withoutUnusedKeys } from '../../../socket-host/whatsapp/unused.ts'
import { memoryAuth } from '../../fakes/memory-auth.ts'
import { silentLogger } from '../../fakes/silent-logger.ts'

test("Baileys' event buffer keeps nothing that has no listener, and passes on what has one", () => {
  const ev = makeEventBuffer(silentLogger)
  dropUnusedEvents(ev)
  const seen: string[] = []
  ev.process((events) => void seen.push(...Object.keys(events)))
  ev.buffer()
  ev.emit('messages.upsert', {
    messages: [{ key: { id: '1', remoteJid: '79001234560@s.whatsapp.net' } }],
    type: 'notify',
  })
  ev.emit('chats.update', [{ id: '79001234560@s.whatsapp.net' }])
  ev.emit('connection.update', { connection: 'open' })
  ev.emit('creds.update', { nextPreKeyId: 7 })
  ev.flush()
  ev.destroy()
  expect(seen).toEqual(['connection.update', 'creds.update'])
})

test('Baileys itself listens to no event that is dropped, but for `call`, which it turns into a message', () => {
  const library = dirname(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))
  const files = readdirSync(library, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
  const events = files.flatMap((file) =>
    [...readFileSync(join(library, file), 'utf8').matchAll(/\bev\.on\('([^']+)'/g)].map(([, event]) => event),
  )
  // The buffer emits each map of events as `event` first.
  expect(new Set(events)).toEqual(new Set([...usedEvents, 'event', 'call']))
})

test('keys of unused types are neither stored nor read, and the others are', async () => {
  const { keys } = memoryAuth()
  const used = withoutUnusedKeys(keys)
  const data: SignalDataSet = {
    tctoken: { '79001234560@s.whatsapp.net': { token: Buffer.from('token'), timestamp: '1790000000' } },
    'lid-mapping': { '79001234560': '200000000000001' },
  }
  await used.set(data)
  expect(await keys.get('tctoken', ['79001234560@s.whatsapp.net'])).toEqual({})
  expect(await used.get('lid-mapping', ['79001234560'])).toEqual({ '79001234560': '200000000000001' })
  await keys.set(data)
  expect(await used.get('tctoken', ['79001234560@s.whatsapp.net'])).toEqual({})
})
