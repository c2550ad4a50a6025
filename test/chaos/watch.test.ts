import { expect, it } from 'vitest'
import type { Company } from '../support/fleet.ts'
import { watchLinks } from './links.ts'
import { brokenPromises, type Report } from './watch.ts'

const kept: Report = {
  done: {},
  clicks: {},
  linksLost: [],
  sessionsLost: [],
  allBackMs: 90_000,
  twins: [],
  stuckAttempts: [],
  worstRecoveryMs: 0,
  hostsReplaced: 0,
  storeRefusals: 0,
  leasesLost: 0,
  closedByStore: 0,
  violations: {},
}

it('a lost link and a return after more than 90 s are broken promises', () => {
  expect(brokenPromises(kept)).toEqual([])
  expect(brokenPromises({ ...kept, allBackMs: 90_001, linksLost: ['c1'] })).toEqual([
    'link lost: c1',
    'all sessions were back after 90001 ms, not 90000',
  ])
  expect(brokenPromises({ ...kept, closedByStore: 2 })).toEqual(['2 sockets closed because the store was throttled'])
})

it('a link is lost when it disappears or becomes another one, unless a code of its own phone was typed', async () => {
  const stored = new Map([
    ['stays', 'g1'],
    ['goes', 'g2'],
    ['changes', 'g3'],
    ['is typed', 'g4'],
  ])
  const companies = [...stored.keys()].map((companyId) => ({ companyId }) as Company)
  const read = async (ids: readonly string[]) =>
    ids.map((companyId) => ({ companyId, generation: stored.get(companyId), retired: ['logged-out'] }))
  const links = watchLinks({ read }, () => companies)
  expect(await links.lost()).toEqual([])
  stored.delete('goes')
  stored.set('changes', 'g5').set('is typed', 'g6')
  links.mayBeReplaced('is typed')
  const lost = await links.lost()
  expect(lost).toHaveLength(2)
  expect(lost[0]).toMatch(/^goes at .*, retired: logged-out$/)
  expect(lost[1]).toMatch(/^changes at .* has another link/)
})

it('a link that disappears during the look because its owner resets it is not lost', async () => {
  const linked = new Set([{ companyId: 'c1' } as Company])
  const read = async () => {
    linked.clear()
    return [{ companyId: 'c1', generation: undefined, retired: ['reset'] }]
  }
  expect(await watchLinks({ read }, () => [...linked]).lost()).toEqual([])
})
