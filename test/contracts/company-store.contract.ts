/** Contract of `CompanyStore`. */
import { describe, expect, test } from 'vitest'
import {
  type CompanyState,
  decision,
  emptyCompany,
  type Notice,
  notice,
  type Transition,
} from '#shared/domain/company/company.ts'
import { numbersNeeded } from '#shared/domain/company/sequence.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import type { Clock, CompanyStore } from '#shared/ports.ts'
import { codeIssued, linked, requested } from '../shared/domain/build.ts'

export type CompanyStoreSetUp = {
  readonly shards: number
  /** Makes a store without companies. */
  make(clock: Clock): Promise<CompanyStore>
  /** Makes such a store with one try per call, whose first write gets no answer. */
  makeLosingAnswer(clock: Clock): Promise<CompanyStore>
  /** Makes such a store whose writes all come after those of another writer. */
  makeLosingRaces(clock: Clock): Promise<CompanyStore>
}

const companyId = 'company-1'
const noticeTo = (waiting: number): Notice =>
  notice({ event: 'pairing-cancelled' }, new Array(waiting).fill({ connectionId: 'c', requestId: 'r' }))

const become =
  (state: CompanyState, notices: readonly Notice[] = []): Transition<'done'> =>
  () =>
    decision(state, 'done', notices)
const stay =
  (notices: readonly Notice[] = []): Transition<'done'> =>
  (state) =>
    decision(state, 'done', notices)
/** Counts in the fence, so that a lost decision shows as a missing number. */
const countUp: Transition<number> = (state) => {
  const fence = state.fence + 1
  return decision({ ...state, fence }, fence, [noticeTo(fence % 3)])
}

async function allOf(store: CompanyStore, shards: number): Promise<readonly string[]> {
  const pages = await Promise.all(
    Array.from({ length: shards }, (_, shard) => store.companiesOf(shard, { limit: 100 })),
  )
  return pages.flatMap((page) => page.companyIds)
}

export function describeCompanyStore({ shards, make, makeLosingAnswer, makeLosingRaces }: CompanyStoreSetUp): void {
  const open = (now = 1_000) => make(() => now)

  describe('company store', () => {
    test('a company never seen is empty', async () => {
      const store = await open()
      expect(await store.read(companyId)).toEqual({ state: emptyCompany })
    })

    test.each([
      ['an attempt without a code', requested()],
      ['a code on screen', codeIssued()],
      ['a linked session', linked()],
      ['an emptied one', { ...emptyCompany, fence: 9, unlinked: 'confirmed' as const }],
    ])('what was decided is read back: %s', async (_name, state) => {
      const store = await open()
      expect(await store.decide(companyId, become(state))).toMatchObject({ changed: true, outcome: 'done' })
      expect(await store.read(companyId)).toEqual({ state })
    })

    test('a decision gets the clock and the state as it is', async () => {
      const store = await open(4_711)
      await store.decide(companyId, become(requested()))
      const seen = await store.decide(companyId, (state, now) => decision(state, { state, now }))
      expect(seen.outcome).toEqual({ state: requested(), now: 4_711 })
    })

    test('a decision that changes nothing and has no notices writes nothing', async () => {
      const store = await open()
      expect(await store.decide(companyId, stay())).toMatchObject({ changed: false, lastSeq: 0 })
      expect(await store.readWithSeq(companyId)).toEqual({ state: emptyCompany, seq: 1 })
    })

    test('notices that change nothing draw their numbers', async () => {
      const store = await open()
      await store.decide(companyId, become(requested(), [noticeTo(1)]))
      expect(await store.decide(companyId, stay([noticeTo(0), noticeTo(3)]))).toMatchObject({
        changed: false,
        lastSeq: 5,
      })
      expect(await store.readWithSeq(companyId)).toEqual({ state: requested(), seq: 6 })
    })

    test('notices of a company never seen draw their numbers, and it stays empty', async () => {
      const store = await open()
      expect(await store.decide(companyId, stay([noticeTo(1)]))).toMatchObject({ lastSeq: 1 })
      expect(await store.readWithSeq(companyId)).toEqual({ state: emptyCompany, seq: 2 })
      expect(await store.decide(companyId, become(requested(), [noticeTo(0)]))).toMatchObject({ lastSeq: 3 })
      expect(await store.readWithSeq(companyId)).toEqual({ state: requested(), seq: 4 })
    })

    test('a read with a number draws the next one each time', async () => {
      const store = await open()
      await store.decide(companyId, become(linked(), [noticeTo(2)]))
      expect(await store.readWithSeq(companyId)).toEqual({ state: linked(), seq: 3 })
      expect(await store.readWithSeq(companyId)).toEqual({ state: linked(), seq: 4 })
    })

    test('decisions made at once happen one after the other, none lost, and no number is given twice', async () => {
      const store = await open()
      const count = 12
      const decided = await Promise.all(Array.from({ length: count }, () => store.decide(companyId, countUp)))
      const drawn = await Promise.all([store.readWithSeq(companyId), store.decide(companyId, stay([noticeTo(2)]))])
      const inOrder = decided.toSorted((a, b) => a.outcome - b.outcome)
      expect(inOrder.map(({ outcome }) => outcome)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
      let last = 0
      for (const { notices, lastSeq } of inOrder) {
        last += numbersNeeded(notices)
        expect(lastSeq).toBe(last)
      }
      expect((await store.readWithSeq(companyId)).seq).toBe(last + 4)
      expect(drawn[0].seq).not.toBe(drawn[1].lastSeq)
    })

    test('a decision whose answer is lost is made once, and is returned to its caller', async () => {
      const store = await makeLosingAnswer(() => 1_000)
      const notices = [noticeTo(2), noticeTo(0)]
      const decided = await store.decide(companyId, (state) =>
        decision({ ...requested(state), fence: 7 }, 'made', notices),
      )
      expect(decided).toMatchObject({ outcome: 'made', changed: true, notices, lastSeq: 3 })
      expect(await store.decide(companyId, countUp)).toMatchObject({ outcome: 8 })
    })

    test('a decision that loses every race is given up as such, and is not written', async () => {
      const store = await makeLosingRaces(() => 1_000)
      await expect(store.decide(companyId, become(requested()))).rejects.toBeInstanceOf(Contention)
      expect((await store.read(companyId)).state).not.toHaveProperty('attempt')
      // A decision without a write loses no race.
      expect(await store.decide(companyId, stay())).toMatchObject({ outcome: 'done', changed: false })
    })

    test('companies do not disturb each other', async () => {
      const store = await open()
      const ids = Array.from({ length: 10 }, (_, index) => `company-${index}`)
      await Promise.all(ids.flatMap((id) => [store.decide(id, countUp), store.decide(id, countUp)]))
      for (const id of ids) expect((await store.read(id)).state.fence).toBe(2)
    })

    test('the shard lists a company for as long as there is something of it', async () => {
      const store = await open()
      await store.decide(companyId, become(requested()))
      expect(await store.companiesOf(shardOf(companyId, shards), { limit: 10 })).toEqual({ companyIds: [companyId] })
      await store.decide(companyId, become(linked()))
      expect(await allOf(store, shards)).toEqual([companyId])
      await store.decide(companyId, become({ ...emptyCompany, fence: 3 }))
      expect(await allOf(store, shards)).toEqual([])
      await store.decide(companyId, become(requested({ ...emptyCompany, fence: 3 })))
      expect(await allOf(store, shards)).toEqual([companyId])
    })

    test('a company that fills and empties in a race is listed if and only if it is not empty', async () => {
      const store = await open()
      const fill: Transition<void> = (state) => decision(requested(state), undefined)
      const empty: Transition<void> = (state) => decision({ ...emptyCompany, fence: state.fence + 1 }, undefined)
      for (let round = 0; round < 8; round++) {
        const racers = [fill, empty, fill, empty, ...(round % 2 === 0 ? [fill] : [empty])]
        await Promise.all(racers.map((racer) => store.decide(companyId, racer)))
        const { state } = await store.read(companyId)
        if (state.attempt) expect(await allOf(store, shards)).toEqual([companyId])
        await store.decide(companyId, empty)
        expect(await allOf(store, shards)).toEqual([])
      }
    })

    test('a shard is walked through page by page', async () => {
      const store = await open()
      const ids = Array.from({ length: 40 }, (_, index) => `c${index}`).filter((id) => shardOf(id, shards) === 1)
      await Promise.all(ids.map((id) => store.decide(id, become(requested()))))
      const walked: string[] = []
      let after: string | undefined
      do {
        const page = await store.companiesOf(1, { limit: 3, ...(after !== undefined && { after }) })
        expect(page.companyIds.length).toBeLessThanOrEqual(3)
        walked.push(...page.companyIds)
        after = page.next
      } while (after !== undefined)
      expect(walked.toSorted()).toEqual(ids.toSorted())
    })
  })
}
