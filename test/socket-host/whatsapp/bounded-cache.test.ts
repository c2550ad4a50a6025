import { expect, test } from 'vitest'
import { boundedCache, recentCache } from '../../../socket-host/whatsapp/bounded-cache.ts'

test('a cache holds no more than its limit, and no entry beyond its lifetime', () => {
  let now = 0
  const cache = boundedCache(2, 100, () => now)
  for (const key of ['a', 'b', 'a', 'c']) cache.set(key, key.toUpperCase())
  expect(['a', 'b', 'c'].map((key) => cache.get<string>(key))).toEqual(['A', undefined, 'C'])
  now = 100
  expect(cache.get<string>('c')).toBeUndefined()
})

test('a cache of recent texts drops the one whose last use is longest ago', () => {
  const cache = recentCache(2)
  cache.set('a', 'A')
  cache.set('b', 'B')
  cache.get('a')
  cache.set('c', 'C')
  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['A', undefined, 'C'])
  expect([cache.size, cache.has('a'), cache.has('b')]).toEqual([2, true, false])
  cache.clear()
  expect(cache.size).toBe(0)
})

test.each([
  ['boundedCache', () => boundedCache(10, 100, () => 0)],
  ['recentCache', () => recentCache(10)],
])('%s keeps no long entry, nor the one that it replaces', (_name, make) => {
  const cache = make()
  cache.set('a', 'A')
  cache.set('a', 'A'.repeat(1000))
  cache.set('k'.repeat(1000), 'A')
  expect([cache.get('a'), cache.get('k'.repeat(1000))]).toEqual([undefined, undefined])
})
