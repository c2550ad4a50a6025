/** Sets of keys of which some call fails, over the real store: never half there, never back (R42, R12). */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'
import type { Fate } from '../../../contracts/engines/flaky.ts'
import { type FateOf, type FaultyCredentials, faultyCredentials } from './faulty-credentials.ts'
import type { KeySet } from './set-model.ts'

// A test sends hundreds of requests, which takes long on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let engine: Engine
let table: Table
beforeAll(async () => {
  engine = await startDynalite()
  table = await createTable(connect(engine))
})
afterAll(() => engine.stop())

/** A set that uses the pre-key of its number. */
const aSet = (id: number, more: Partial<KeySet>): KeySet => ({
  name: `set-${id}`,
  sessions: ['X'],
  used: [`${id}`],
  size: 1,
  ...more,
})

/** Only the given call of this operation has that fate. */
const only =
  (call: number, fate: Fate): FateOf =>
  (index) =>
    index === call ? fate : 'arrives'
/** Only the first call of that kind has that fate. */
function firstOf(wanted: string, fate: Fate): FateOf {
  let found = 0
  return (_call, operation) => (operation === wanted && ++found === 1 ? fate : 'arrives')
}

describe('a message uses a pre-key, and the write of its session', () => {
  test.each<[string, FateOf]>([
    ['is journalled, but the answer is lost', firstOf('UpdateItem', 'answerLost')],
    ['is journalled, but the put of the pre-keys is lost', firstOf('PutItem', 'lost')],
  ])('%s: both are there for the next socket, and the key stays used', async (_what, fates) => {
    const credentials = await faultyCredentials(engine, table)
    expect(await credentials.set(aSet(1, {}), fates)).toBe(false)
    await credentials.reconnect()
    expect(await credentials.look()).toBe(true)
    // The session of another contact: the first one must not be overwritten, or the half would not show.
    await credentials.set(aSet(2, { sessions: ['Y'] }))
    await credentials.look()
    await credentials.takeOver()
    await credentials.look()
  })
})

/** A late call is also a lost one, until it arrives. */
const fates = ['answerLost', 'late'] as const
const moments = [
  'before the next read',
  'before the next write',
  'before a reload',
  'before the next owner',
  'after it',
]
type Numbered = (id: number) => KeySet
const sets: readonly (readonly [string, Numbered])[] = [
  ['one large row', (id) => aSet(id, { used: [], size: 270_000 })],
  ['small rows, with two chunks of pre-keys', (id) => aSet(id, { used: [`${id}`, `${255 + id}`] })],
  ['rows of which the journal needs parts', (id) => aSet(id, { sessions: ['X', 'Y'], size: 140_000 })],
  ['rows larger than an item', (id) => aSet(id, { size: 270_000 })],
]

/** Late requests arrive at one of the moments. `next` are the sessions that are written meanwhile. */
async function changeOwner(credentials: FaultyCredentials, last: number, moment: number, next = 'Y'): Promise<void> {
  const arrive = (now: string) => (moments[moment % moments.length] === now ? credentials.deliver() : undefined)
  await arrive('before the next read')
  await credentials.look()
  await arrive('before the next write')
  await credentials.set(aSet(last + 1, { sessions: [...next] }))
  await arrive('before a reload')
  await credentials.reload()
  await credentials.look()
  await arrive('before the next owner')
  await credentials.takeOver()
  await arrive('after it')
  await credentials.look()
}

describe('whichever call of a write', () => {
  test.each(sets)('of %s fails, the set is there as a whole or not at all', async (_what, setOf) => {
    const credentials = await faultyCredentials(engine, table)
    let id = 0
    for (const fate of fates) {
      let hasFailed = true
      for (let call = 0; hasFailed; call++) {
        id += 2
        await credentials.set(setOf(id), only(call, fate))
        hasFailed = credentials.faults() > 0
        await credentials.reconnect()
        // Large rows are replaced: reading them again and again would take most of the time.
        if (fate === 'late') await changeOwner(credentials, id, call, setOf(id).size > 1 ? 'XY' : 'Y')
        else await credentials.look()
      }
      await changeOwner(credentials, id + 1, 0)
      id += 2
    }
  })
})

test.each(fates)(
  'whichever call of the write that splits a big row of pre-keys is %s, no pre-key is lost, and no used one comes back',
  async (fate) => {
    let hasFailed = true
    for (let call = 0; hasFailed; call++) {
      const credentials = await faultyCredentials(engine, table)
      await credentials.set(aSet(1, {}), only(call, fate))
      hasFailed = credentials.faults() > 0
      if (call % 2) await credentials.reconnect()
      else await credentials.takeOver()
      await credentials.look()
      await credentials.deliver()
      await credentials.set(aSet(2, { used: ['2', '40'] }))
      await credentials.look()
      await credentials.takeOver()
      await credentials.look()
    }
  },
)

/** A set of which the put of the pre-keys is lost. */
const halfOf = (id: number) => [aSet(id, {}), firstOf('PutItem', 'lost')] as const

test.each(fates)(
  'whichever call of repeating a write is %s, the set is there as a whole or not at all',
  async (fate) => {
    const credentials = await faultyCredentials(engine, table)
    let hasFailed = true
    for (let call = 0; hasFailed; call++) {
      const id = 3 * call + 1
      await credentials.set(...halfOf(id))
      await credentials.look({ fates: only(call, fate) })
      hasFailed = credentials.faults() > 0
      if (call % 2) await credentials.deliver()
      await credentials.set(aSet(id + 1, {}))
      await credentials.deliver()
      await credentials.look()
    }
    await changeOwner(credentials, 70, 0)
  },
)

test.each(fates)('whichever call of a load that completes a write is %s, the set is there', async (fate) => {
  const credentials = await faultyCredentials(engine, table)
  let hasFailed = true
  for (let call = 0; hasFailed; call++) {
    const id = 2 * call + 1
    await credentials.set(...halfOf(id))
    await (call % 2 ? credentials.reload(only(call, fate)) : credentials.takeOver(only(call, fate)))
    hasFailed = credentials.faults() > 0
    await credentials.look()
    await credentials.deliver()
    await credentials.set(aSet(id + 1, { sessions: ['Y'] }))
    await credentials.look()
  }
})

test.each(['reload', 'takeOver'] as const)(
  'whichever call of a write arrives after a %s, the set is there as a whole or not at all',
  async (how) => {
    const credentials = await faultyCredentials(engine, table)
    let hasFailed = true
    for (let call = 0; hasFailed; call++) {
      const id = 2 * call + 1
      await credentials.set(aSet(id, { used: [`${id}`, `${255 + id}`] }), only(call, 'late'))
      hasFailed = credentials.faults() > 0
      await credentials[how]()
      await credentials.look()
      await credentials.deliver()
      await credentials.look()
      await credentials.set(aSet(id + 1, { sessions: ['Y'] }))
      await credentials.look()
    }
  },
)
