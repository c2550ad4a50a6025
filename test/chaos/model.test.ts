/** Random schedules against the promises of docs/leases.md, and proof that the model detects a fault. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LeaseStore } from '#shared/ports.ts'
import type { CallFate } from '../socket-host/support/troubled-leases.ts'
import { broken, lease, type Parts, soundParts, type Trouble } from './lease-model.ts'

const weather = fc.record<CallFate>({
  delayMs: fc.nat({ max: 1500 }),
  answerDelayMs: fc.nat({ max: 1500 }),
  fate: fc.constantFrom('ok', 'ok', 'fails', 'answerLost'),
})
const trouble = fc.record<Trouble>({
  at: fc.nat({ max: 50_000 }),
  host: fc.nat({ max: 2 }),
  kind: fc.constantFrom('pause', 'storm', 'kill', 'stop', 'clock'),
  ms: fc.integer({ min: 500, max: 30_000 }),
})
const schedule = (parts: Parts) =>
  fc.asyncProperty(
    fc.array(trouble, { minLength: 1, maxLength: 6 }),
    fc.array(weather, { minLength: 1, maxLength: 20 }),
    async (troubles, weathers) => {
      const faults = await broken(troubles, weathers, parts)
      if (faults.length > 0) throw new Error(faults.join('; '))
    },
  )

/** A faulty view that compares the owner's wall clock with the reader's: a lease that looks old counts as free. */
function judgedByWallClock(store: LeaseStore, wallClock: () => number): LeaseStore {
  const owners = new Map<number, string | undefined>()
  return {
    ...store,
    readAll: async (shards) =>
      (await store.readAll(shards)).map(({ ownerId, ...rest }) => {
        owners.set(rest.shard, ownerId)
        const isOld = wallClock() - rest.renewedAt >= lease.staleMs
        return isOld || ownerId === undefined ? rest : { ...rest, ownerId }
      }),
    claim: (seen, ...rest) => {
      const ownerId = owners.get(seen.shard)
      return store.claim({ ...seen, ...(ownerId !== undefined && { ownerId }) }, ...rest)
    },
  }
}

describe('whatever befalls hosts', () => {
  it('no shard has two sockets, no late write lands, and every shard is owned again', { timeout: 60_000 }, async () => {
    await fc.assert(schedule(soundParts), { numRuns: 30 })
  })
})

describe('the model finds a planted fault:', () => {
  const plants: readonly [string, Partial<Parts>, RegExp][] = [
    ['no epoch condition', { takesWrite: () => true }, /a write of epoch/],
    ['release before close', { beforeRelease: async () => undefined }, /two sockets/],
    ['wall-clock staleness', { view: judgedByWallClock }, /two sockets/],
  ]
  it.each(plants)(
    '%s',
    async (_name, plant, message) => {
      const run = await fc.check(schedule({ ...soundParts, ...plant }), { numRuns: 60, seed: 4, endOnFailure: true })
      expect(run.failed).toBe(true)
      expect(String(run.errorInstance)).toMatch(message)
    },
    60_000,
  )
})
