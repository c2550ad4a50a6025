/** Contract of `Fuse` (R46). */
import { describe, expect, test } from 'vitest'
import type { Fuse } from '#shared/ports.ts'

export type FuseSetUp = {
  /** Makes a fuse that nobody has used, of a fleet that holds no sessions: it has three places in five minutes. */
  make(clock: () => number): Promise<Fuse>
}

export function describeFuse({ make }: FuseSetUp): void {
  describe('fuse', () => {
    const start = Date.UTC(2026, 0, 1)

    test('gives its places to whoever asks first, and opens when somebody finds none', async () => {
      const fuse = await make(() => start)
      const granted = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((company) => fuse.takePlace(company, 'refused')))
      expect(granted.filter(Boolean)).toHaveLength(3)
      expect(await fuse.openings()).toEqual({ refused: { since: start } })
    })

    test('is closed until then, and gives a company its place again', async () => {
      const fuse = await make(() => start)
      expect(await fuse.openings()).toEqual({})
      for (const company of ['a', 'a', 'b', 'a']) expect(await fuse.takePlace(company, 'refused')).toBe(true)
      expect(await fuse.openings()).toEqual({})
    })

    test('counts each reason for itself', async () => {
      const fuse = await make(() => start)
      for (const company of ['a', 'b', 'c', 'd']) await fuse.takePlace(company, 'refused')
      expect(await fuse.takePlace('e', 'removed')).toBe(true)
    })

    test('is closed for one reason, and reset for all', async () => {
      const fuse = await make(() => start)
      for (const reason of ['removed', 'refused'] as const)
        for (const company of ['a', 'b', 'c', 'd']) await fuse.takePlace(company, reason)
      await fuse.close('refused')
      expect(await fuse.openings()).toEqual({ removed: { since: start }, refused: { since: start, until: start } })
      expect(await fuse.takePlace('e', 'refused')).toBe(false)
      await fuse.reset()
      expect(await fuse.openings()).toMatchObject({ removed: { until: start } })
      expect(await fuse.takePlace('e', 'refused')).toBe(true)
      expect(await fuse.takePlace('f', 'removed')).toBe(true)
    })

    test('has no place while it is open, and has places again when it was closed', async () => {
      let now = start
      const fuse = await make(() => now)
      for (const company of ['a', 'b', 'c', 'd']) await fuse.takePlace(company, 'removed')
      now += 3_600_000
      expect(await fuse.takePlace('e', 'removed')).toBe(false)
      await fuse.close('removed')
      expect(await fuse.openings()).toEqual({ removed: { since: start, until: now } })
      expect(await fuse.takePlace('e', 'removed')).toBe(true)
    })
  })
}
