/** An address book is one set of 20,000 rows: while it is read or written, other work goes on (R62). */
import { expect, test } from 'vitest'
import { decodeJournal, encodeJournal } from '#shared/dynamo/credentials/journal-codec.ts'
import { memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { turnsDuring } from '../../../support/turns.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { attach, storeIn } from './linked-auth-state.ts'

const rows = 3_000
/** Slices of a hundred rows. */
const slices = rows / 100 - 1

/** A store that answers at once, so that all turns are those of the code above it. */
async function linked() {
  const memory = memoryCredentialStore()
  let found = new Map<string, Uint8Array>()
  const store = {
    ...memory,
    read: async () => found,
    write: async (...[ref, given, epoch]: Parameters<typeof memory.write>) => {
      found = new Map(given.flatMap(({ key, bytes }) => (bytes ? [[key, bytes] as const] : [])))
      return memory.write(ref, given, epoch)
    },
  }
  const { keys } = attach(await storeIn(store, aTarget())).state
  return { memory, keys }
}

const addressBook = Object.fromEntries(Array.from({ length: rows }, (_, index) => [`7900123${index}`, `${index}`]))

test('rows are sealed, and opened, in slices; the set is still one write', async () => {
  const { memory, keys } = await linked()
  const before = memory.writes.length
  expect(await turnsDuring(async () => keys.set({ 'lid-mapping': addressBook }))).toBeGreaterThanOrEqual(slices)
  expect(memory.writes.slice(before).map((write) => write.rows.length)).toEqual([rows])
  const get = async () => expect(await keys.get('lid-mapping', Object.keys(addressBook))).toEqual(addressBook)
  // Once for the names of the rows, once for their values.
  expect(await turnsDuring(get)).toBeGreaterThanOrEqual(2 * slices)
})

test('sets and reads that come meanwhile wait for a long one', async () => {
  const { memory, keys } = await linked()
  const long = keys.set({ 'lid-mapping': { ...addressBook, a: 'long' } })
  const short = keys.set({ 'lid-mapping': { a: 'short' } })
  await Promise.all([long, short])
  expect(memory.writes.slice(-2).map((write) => write.rows.length)).toEqual([rows + 1, 1])
})

test('a journal is encoded and decoded in slices', async () => {
  const entries = Array.from({ length: rows }, (_, index) => ({
    key: `session#${index}`,
    value: { data: new Uint8Array([index % 256]) },
  }))
  let bytes = new Uint8Array()
  const encode = async () => {
    bytes = new Uint8Array(await encodeJournal(entries))
  }
  expect(await turnsDuring(encode)).toBeGreaterThanOrEqual(slices)
  const decode = async () => expect(await decodeJournal(bytes)).toEqual(entries)
  expect(await turnsDuring(decode)).toBeGreaterThanOrEqual(slices)
})
