import { expect, test } from 'vitest'
import { countEach } from '../../../socket-host/fleet/owned-shards.ts'

test.each<[string, readonly string[], Record<string, number>]>([
  ['no session has no status', [], {}],
  ['a status is counted', ['connected'], { connected: 1 }],
  ['each status is counted apart', ['connected', 'connecting', 'connected'], { connected: 2, connecting: 1 }],
])('%s', (_fact, statuses, counts) => {
  expect(countEach(statuses)).toEqual(counts)
})
