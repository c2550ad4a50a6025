import { expect, test } from 'vitest'
import { type Rest, restOf, type ShardLease } from '../../local/hosts/rest.ts'

/** Leases by their owners: `a`, `-` for none, `a>b` for one that b wants, `a!b` for one that leaves for b. */
const leasesOf = (text: string): readonly ShardLease[] =>
  text.split(' ').map((lease) => {
    const [owner, wantedBy] = lease.split(/[>!]/)
    return {
      ...(owner !== '-' && { owner }),
      ...(wantedBy !== undefined && { wantedBy }),
      ...(lease.includes('!') && { isLeaving: true }),
    }
  })

test.each<[why: string, leases: string, hosts: string, rest: Rest]>([
  ['one host has all', 'a a a a', 'a', 'at rest'],
  ['nothing is claimed yet', '- - - -', 'a b', 'moving'],
  ['a shard has no owner', 'a a b -', 'a b', 'moving'],
  ['a shard was released for a host', 'a a b ->b', 'a b', 'moving'],
  ['the first host has all, the second none yet', 'a a a a', 'a b', 'moving'],
  ['the first host has two more', 'a a a b', 'a b', 'moving'],
  ['two hosts have two each', 'a b a b', 'a b', 'at rest'],
  ['an odd number is shared', 'a b a', 'a b', 'at rest'],
  ['a third host has none', 'a b a b', 'a b c', 'moving'],
  ['a third host has one', 'a b a c', 'a b c', 'at rest'],
  ['there are fewer shards than hosts', 'a b c d', 'a b c d e', 'at rest'],
  ['there is one shard', 'a', 'a b c', 'at rest'],
  ['one host has two of fewer shards than hosts', 'a a b c', 'a b c d e', 'moving'],
  ['a host wants a shard that evens out the load', 'a a>b a a', 'a b', 'moving'],
  ['a host wants a shard that no longer would', 'a a>b b b', 'a b', 'settling'],
  ['the owner itself was the one that wanted it', 'a>a a b b', 'a b', 'at rest'],
  ['a host of the last run wants one', 'a a>z b b', 'a b', 'at rest'],
  ['a host of the last run owns one', 'a z b b', 'a b', 'moving'],
  ['a host leaves', 'a!b a b b', 'a b', 'moving'],
])('%s: %s', (_why, leases, hosts, rest) => {
  expect(restOf(leasesOf(leases), hosts.split(' '))).toBe(rest)
})
