import { expect, test } from 'vitest'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import type { CommandInbox } from '../../../socket-host/fleet/command-loop.ts'
import { ownedShards } from '../../../socket-host/fleet/owned-shards.ts'
import { aborted } from '../../../socket-host/time.ts'
import { leaseOf, phoneA, rigDeps } from '../support/company-rig.ts'

const shards = 4
const companies = Array.from({ length: 200 }, (_, index) => `c${index}`)

const requestOf = (now: number) => ({
  ...({ attemptId: 'a1', method: 'code', phone: phoneA, correlationId: 'corr', deadline: now + 20_000 } as const),
})

/** A host that takes over so many shards; its first read of each company waits until the test lets it. */
async function takingOver(acquired = shards) {
  const { deps, clock, companies: store } = rigDeps({ shards })
  for (const companyId of companies)
    await store.decide(companyId, (state, now) => requestPairing(state, requestOf(now), now))
  const { read } = store
  const seen = new Set<string>()
  const waiting: { readonly companyId: string; readonly answer: () => void }[] = []
  Object.assign(store, {
    read: async (companyId: string) => {
      if (!seen.has(companyId)) await new Promise<void>((answer) => waiting.push({ companyId, answer }))
      seen.add(companyId)
      return read(companyId)
    },
  })
  let arrived = Promise.withResolvers<string>()
  const inbox: CommandInbox = {
    async receive(shard, signal) {
      if (shard > 0) await aborted(signal)
      const body = await Promise.race([arrived.promise, aborted(signal)])
      arrived = Promise.withResolvers()
      return body === undefined ? [] : [{ body, receipt: body }]
    },
    delete: async () => undefined,
  }
  const owned = ownedShards({ ...deps, inbox })
  for (let shard = 0; shard < acquired; shard++) owned.listener.acquired(shard, leaseOf('host-1', 1))
  await clock.settle()
  const command = async (companyId: string) => {
    arrived.resolve(JSON.stringify({ companyId, correlationId: 'corr', fence: 1 }))
    await clock.settle()
  }
  return { clock, waiting, command }
}

test('a host adopts the companies of all its shards in turns, eight at a time', async () => {
  const { clock, waiting } = await takingOver()
  const served = new Set<number>()
  for (let round = 0; round < shards; round++) {
    expect(waiting).toHaveLength(8)
    for (const { companyId, answer } of waiting.splice(0)) {
      served.add(shardOf(companyId, shards))
      answer()
    }
    await clock.settle()
  }
  expect(served.size).toBe(shards)
})

test('a command of an owner does not wait for the companies that are being adopted', async () => {
  const { waiting, command } = await takingOver()
  const last = companies.filter((companyId) => shardOf(companyId, shards) === 0).at(-1) ?? ''
  await command(last)
  expect(waiting.at(-1)?.companyId).toBe(last)
})

test.each([1, shards])('companies that hang hold up the others for half a second only, on %i shards', async (count) => {
  const { clock, waiting } = await takingOver(count)
  await clock.advance(450)
  expect(waiting).toHaveLength(8)
  await clock.advance(100)
  expect(waiting).toHaveLength(16)
  await clock.advance(500)
  expect(waiting).toHaveLength(24)
})

test('a hundred companies that hang hold up the others of all shards for less than seven seconds', async () => {
  const { clock, waiting } = await takingOver()
  await clock.advance(6_800)
  expect(waiting.length).toBeGreaterThan(100)
})
