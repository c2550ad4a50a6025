import { expect, it } from 'vitest'
import { chaos } from './play.ts'
import { brokenPromises, unexcused } from './watch.ts'

it('hosts, services and WhatsApp may fail at random: no session is lost, none is doubled, no attempt is stuck', async () => {
  // After a 405, hosts wait for a minute before the first session tries again, and rebalancing begins after ten seconds:
  // `npm run chaos` plays them.
  const without = ['405', 'rebalance']
  const report = await chaos({ seconds: 12, hosts: 2, companies: 6, seed: 7, without, say: () => undefined })
  expect(brokenPromises(report)).toEqual([])
}, 180_000)

it('two sockets of a device are excused while its host stands still, and no longer', () => {
  const pauses = [{ phones: new Set(['1']), from: 1000, until: 2000 }]
  const twins = [
    { phone: '1', at: 1500 },
    { phone: '2', at: 1500 },
    { phone: '1', at: 9000 },
  ]
  expect(unexcused(twins, pauses)).toEqual(twins.slice(1))
})
