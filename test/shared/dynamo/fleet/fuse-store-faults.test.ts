/** The fuse without an answer of DynamoDB, and with many hosts at once. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FuseReason } from '#shared/domain/fleet/fuse.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import { dynamoFuse, type FuseStoreDeps } from '#shared/dynamo/fleet/fuse-store.ts'
import { connect, createTable, type Engine, startDynalite } from '../../../contracts/engines/engines.ts'
import { flakyConnect } from '../../../contracts/engines/flaky.ts'
import { outrun } from '../../../contracts/engines/outrun.ts'
import { defaultWindows } from '../../../fakes/memory-fuse.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

type Refused = { readonly companyId: string; readonly reason: FuseReason; readonly error?: unknown }

async function fuseOn(more: Partial<FuseStoreDeps> = {}) {
  const refused: Refused[] = []
  const table = await createTable(connect(engine))
  const deps = { ...table, clock: () => 0, windows: defaultWindows, held: async () => 0, ...more }
  return { fuse: dynamoFuse({ ...deps, onRefused: (each) => refused.push(each) }), refused, deps }
}

test('without an answer there is no place, and no error', async () => {
  const { fuse, refused } = await fuseOn({ client: flakyConnect(engine, () => 'lost').client })
  expect(await fuse.takePlace('a', 'removed')).toBe(false)
  expect(refused).toMatchObject([{ companyId: 'a', reason: 'removed', error: expect.any(Error) }])
})

test('without the number of sessions there is no place', async () => {
  const held = async () => {
    throw new Error('away')
  }
  const { fuse, refused } = await fuseOn({ held })
  expect(await fuse.takePlace('a', 'removed')).toBe(false)
  expect(refused).toHaveLength(1)
})

test('has as many places as the sessions that the fleet holds allow', async () => {
  const { fuse } = await fuseOn({ held: async () => 2500 })
  const granted = []
  for (let index = 0; index < 7; index++) granted.push(await fuse.takePlace(`c${index}`, 'refused'))
  expect(granted).toEqual([true, true, true, true, true, false, false])
})

test('gives every free place although many companies of several hosts ask at once', async () => {
  const windows = defaultWindows.map((window) => ({ ...window, least: 40 }))
  const { deps, refused } = await fuseOn()
  const hosts = Array.from({ length: 3 }, () =>
    dynamoFuse({ ...deps, client: connect(engine), windows, onRefused: (each) => refused.push(each) }),
  )
  const asked = hosts.flatMap((fuse, host) =>
    Array.from({ length: 12 }, (_, n) => fuse.takePlace(`c${host}-${n}`, 'removed')),
  )
  expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(36)
  expect(refused).toEqual([])
})

test('a fuse that others keep changing gives no place, and says why', async () => {
  const { deps, refused } = await fuseOn({ windows: [{ ms: 60_000, least: 1000, percent: 0 }] })
  const rival = dynamoFuse({ ...deps, onRefused: () => undefined })
  let count = 0
  const client = outrun(connect(engine), 'PutItem', () => rival.takePlace(`rival-${++count}`, 'removed'))
  const fuse = dynamoFuse({ ...deps, client, onRefused: (each) => refused.push(each) })
  expect(await fuse.takePlace('a', 'removed')).toBe(false)
  expect(refused).toMatchObject([{ companyId: 'a', error: expect.any(Contention) }])
})
