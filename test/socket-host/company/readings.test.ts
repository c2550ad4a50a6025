import { describe, expect, it } from 'vitest'
import { countReadings } from '../../../socket-host/company/readings.ts'

function reader() {
  const blind: string[] = []
  const unreadable: string[] = []
  const readings = countReadings({
    onBlind: () => blind.push('blind'),
    onUnreadable: ({ generation }) => unreadable.push(generation),
  })
  const fail = (generation: string, isExpected?: true) =>
    readings.unreadable({ companyId: `of ${generation}`, generation }, isExpected)
  return { ...readings, fail, blind, unreadable }
}

describe('a host (R47)', () => {
  it('is blind when the first five generations are unreadable, and says so once', () => {
    const { fail, blind, unreadable } = reader()
    for (const generation of ['1', '2', '3', '4', '4', '3']) fail(generation)
    expect(blind).toEqual([])
    for (const generation of ['5', '6', '7']) fail(generation)
    expect(blind).toEqual(['blind'])
    expect(unreadable).toHaveLength(9)
  })

  it('is not blind once it has read any, whatever follows', () => {
    const { readable, fail, blind } = reader()
    fail('1')
    readable()
    for (const generation of ['2', '3', '4', '5', '6', '7']) fail(generation)
    expect(blind).toEqual([])
  })

  it('is not blind because of generations that are known to be unreadable alone, or retired', () => {
    const { fail, blind } = reader()
    for (const generation of ['1', '2', '3', '4', '5', '6']) fail(generation, true)
    expect(blind).toEqual([])
  })
})

describe('damaged or missing credentials', () => {
  it('of the first generations make a host blind, too: it may read from a wrong table', () => {
    const { damaged, blind } = reader()
    for (const generation of ['1', '2', '3', '4', '5']) damaged({ companyId: 'c', generation })
    expect(blind).toEqual(['blind'])
  })

  it('say nothing about a host that has read others', () => {
    const { readable, damaged, blind, fail, isAlone } = reader()
    readable()
    for (const generation of ['1', '2', '3', '4', '5']) damaged({ companyId: 'c', generation })
    fail('6')
    expect(blind).toEqual([])
    expect(isAlone({ generation: '6' })).toBe(true)
  })
})

describe('a generation', () => {
  it('is unreadable alone when others were read, and no other has been unreadable since', () => {
    const { readable, fail, isAlone } = reader()
    fail('1')
    expect(isAlone({ generation: '1' })).toBeUndefined()
    readable()
    fail('1')
    expect(isAlone({ generation: '1' })).toBe(true)
    fail('2')
    expect(isAlone({ generation: '1' })).toBeUndefined()
  })

  it('stays so for a host that has read none yet', () => {
    const { fail, isAlone } = reader()
    fail('1', true)
    expect(isAlone({ generation: '1' }, true)).toBe(true)
  })
})
