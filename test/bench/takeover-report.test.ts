import { describe, expect, it } from 'vitest'
import { brokenOf, type Look, linesOf, type Owner, type Seen } from './takeover-report.ts'

const cores = 2
/** A look after some seconds, with the CPU seconds of one successor and the idle seconds of both cores until then. */
const look = (seconds: number, back: number, cpu: number, idle: number): Look => ({
  ...{ atMs: seconds * 1000, back, successors: [cpu], rest: 0, loads: [0.5], idle, cores },
})
/** A take-over by one host from 10 s to `last` s, on a machine that is idle for that share meanwhile. */
function seenOf(last: number, cpu: number, idle: number, owners: readonly Owner[] = []): Seen {
  const idleSeconds = idle * (last - 10) * cores
  return { looks: [look(10, 0, 0, 0), look(11, 10, 0.5, 0), look(last, 100, cpu, idleSeconds)], owners }
}

const owner = (more: Partial<Owner>): Owner => ({ askedAtMs: 1000, tookMs: 20_100, isOrphan: true, ...more })
const withOwner = (more: Partial<Owner>) => seenOf(20, 5, 0.5, [owner(more)])
const error = 'HOST_UNAVAILABLE'

describe('the time of the last session', () => {
  it.each([
    ['is judged by the clock on a machine with idle time', seenOf(31, 5, 0.3), 1, 'judged: 31.0 s by the clock'],
    ['and kept by it', seenOf(29, 5, 0.3), 0, 'judged: 29.0 s by the clock'],
    ['is judged by the CPU time of the hosts on a busy machine', seenOf(40, 15, 0.05), 0, 'judged: 25.0 s by the CPU'],
    ['and broken by it', seenOf(40, 25, 0.05), 1, 'judged: 35.0 s by the CPU'],
  ])('%s', (_fact, seen, broken, judged) => {
    expect(brokenOf(seen)).toHaveLength(broken)
    expect(linesOf(seen).join('\n')).toContain(judged)
  })

  it('is said with the reason for the figure', () => {
    expect(linesOf(seenOf(31, 5, 0.3)).join('\n')).toContain('30 % of the machine was idle')
    expect(linesOf(seenOf(40, 15, 0.05)).join('\n')).toContain('only 5 % of the machine was idle')
  })
})

describe('an owner', () => {
  it.each([
    ['with a code in time keeps the promise', { tookMs: 19_900 }, 0],
    ['with a late code breaks it', { tookMs: 20_100 }, 1],
    ['whose host has died may get HOST_UNAVAILABLE while its lease is not taken', { error }, 0],
    ['but not of another host', { error, isOrphan: false }, 1],
    ['nor when the lease could be taken', { error, askedAtMs: 13_100 }, 1],
    ['nor another error', { error: 'PAIRING_TIMEOUT' }, 1],
    ['nor long after the deadline', { error, tookMs: 22_000 }, 1],
  ])('%s', (_fact, more, broken) => {
    expect(brokenOf(withOwner(more))).toHaveLength(broken)
  })

  it('who may be refused is counted apart', () => {
    const lines = linesOf(withOwner({ error })).filter((line) => line.includes('codes asked for'))
    expect(lines).toEqual([])
    expect(linesOf(withOwner({ error })).join('\n')).toContain('1 ended as HOST_UNAVAILABLE')
  })
})
