/** Contract of `PhoneLinks` (R24). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PhoneLink, PhoneLinks } from '#shared/dynamo/clients/phone-links.ts'

export type PhoneLinksSetUp = {
  /** Makes a store without links. */
  make(): Promise<PhoneLinks>
  readonly runs: number
}

const now = Date.UTC(2026, 0, 1)
const day = 24 * 60 * 60_000
const link = (companyId: string, linkedAt: number, removedAt?: number): PhoneLink => ({
  ...{ companyId, linkedAt },
  ...(removedAt !== undefined && { removedAt }),
})

export function describePhoneLinks({ make, runs }: PhoneLinksSetUp): void {
  describe('links of phones', () => {
    const listedAfter = async (...notes: readonly PhoneLink[]) => {
      const store = await make()
      for (const note of notes) await store.note('hash', note)
      return store.companiesOf('hash', now)
    }

    test('a phone names the companies that have linked it, by id, and those alone', async () => {
      const store = await make()
      expect(await store.companiesOf('hash', now)).toEqual([])
      for (const [hash, companyId] of [
        ['hash', 'b'],
        ['hash', 'a'],
        ['other hash', 'c'],
      ] as const)
        await store.note(hash, link(companyId, now - 2))
      expect(await store.companiesOf('hash', now)).toEqual([link('a', now - 2), link('b', now - 2)])
      expect(await store.companiesOf('other hash', now)).toEqual([link('c', now - 2)])
    })

    test('a removed link is kept for 30 days, and not a moment longer', async () => {
      const ended = link('a', now - 40 * day, now - 30 * day + 1)
      expect(await listedAfter(ended)).toEqual([ended])
      expect(await listedAfter(link('a', now - 40 * day, now - 30 * day))).toEqual([])
      expect(await listedAfter(link('a', now - 400 * day))).toEqual([link('a', now - 400 * day)])
    })

    test('a repeated note of a link does not undo its removal', async () => {
      expect(await listedAfter(link('a', 1), link('a', 1, now - 1), link('a', 1))).toEqual([link('a', 1, now - 1)])
    })

    test('a removal that comes late does not undo a newer link', async () => {
      expect(await listedAfter(link('a', 1), link('a', 3), link('a', 1, 2))).toEqual([link('a', 3)])
    })

    test('a new link ends the removal of an earlier one, also one that is no longer kept', async () => {
      expect(await listedAfter(link('a', 1, now - 1), link('a', now))).toEqual([link('a', now)])
      expect(await listedAfter(link('a', 1, 2), link('a', now))).toEqual([link('a', now)])
    })

    test('a removal whose link was never noted is noted', async () => {
      expect(await listedAfter(link('a', 1, now - 1))).toEqual([link('a', 1, now - 1)])
    })

    test('in whatever order notes come, and however often, the last link of each company stays', async () => {
      const notes = ['a', 'b'].flatMap((companyId) =>
        [10, 20, 30].flatMap((at) => [link(companyId, now + at), link(companyId, now + at, now + at + 5)]),
      )
      const some = fc.array(fc.constantFrom(...notes), { minLength: 1, maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(some, async (drawn) => {
          expect(await listedAfter(...drawn)).toEqual(lastOf(drawn))
        }),
        { numRuns: runs },
      )
    })
  })
}

/** The last link of each company, with its removal if that was noted. */
const lastOf = (notes: readonly PhoneLink[]): readonly PhoneLink[] =>
  ['a', 'b'].flatMap((companyId) =>
    notes
      .filter((note) => note.companyId === companyId)
      .sort((a, b) => b.linkedAt - a.linkedAt || (b.removedAt ?? 0) - (a.removedAt ?? 0))
      .slice(0, 1),
  )
