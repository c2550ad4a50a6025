import { expect, test } from 'vitest'
import type { Counts } from '#shared/domain/metrics/metrics.ts'
import type { CredentialStore } from '#shared/ports.ts'
import { createMeter } from '#shared/telemetry/metrics.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import { keepMeasuring, loadOf, measuredClaims, measuredSweeps } from '../../../socket-host/fleet/host-metrics.ts'
import { memoryLeaseStore } from '../../fakes/memory-lease-store.ts'
import { companyRig, phoneB } from '../support/company-rig.ts'

function makeMeter(clock: () => number = () => 0) {
  const lines: Record<string, unknown>[] = []
  const added: Counts[] = []
  const log = companyRig().deps.log
  const store = {
    async add(counts: Counts) {
      added.push(counts)
    },
  }
  const meter = createMeter({ namespace: 'n', clock, log, store, write: (line) => lines.push(JSON.parse(line)) })
  const named = (name: string) => lines.filter((line) => name in line).map((line) => line[name])
  return { meter, lines, added, named }
}

test('a shard taken from a host that stopped renewing is a take-over; a released or a free one is not', async () => {
  const { meter, lines } = makeMeter()
  const leases = measuredClaims(memoryLeaseStore(), meter)
  const seen = async () => (await leases.readAll(1))[0]!
  const first = await leases.claim(await seen(), 'host-1', 1, 0)
  await leases.release(first!)
  await leases.claim(await seen(), 'host-2', 2, 0)
  expect(lines).toEqual([])
  await leases.claim(await seen(), 'host-3', 3, 0)
  expect(lines).toMatchObject([{ LeaseTakeovers: 1, shard: 0, from: 'host-2', hostId: 'host-3' }])
})

test('a sweep that fails is counted, and fails', async () => {
  const { meter, lines } = makeMeter()
  const broken: CredentialStore = {
    ...companyRig().deps.credentials,
    sweep: async () => {
      throw new Error('away')
    },
  }
  const sweep = measuredSweeps(broken, meter).sweep({ companyId: 'c1', generation: 'g1' })
  await expect(sweep).rejects.toThrow('away')
  expect(lines).toMatchObject([{ CleanupFailed: 1, companyId: 'c1', generation: 'g1' }])
})

test('a host measures its sessions every minute, and writes its counters every few seconds and when it stops', async () => {
  const { clock, look } = companyRig()
  const { meter, named, added } = makeMeter(clock.now)
  await look()
  const status = () => ({ shards: [0], sessions: 3, lastContactAt: clock.monotonic(), canRead: true })
  const stop = keepMeasuring(
    { meter, time: clock, target: 50, staleMs: 10_000 },
    { status, states: () => ({ connected: 3 }) },
    'host-1',
  )
  await clock.advance(121_000)
  expect(named('Sessions')).toEqual([3, 3])
  expect(added).toEqual([])
  await stop()
  expect(clock.timers()).toBe(0)
})

test('a whole pairing, a phone change and a lost connection are counted, each once', async () => {
  const world = companyRig()
  const { meter, named, added } = makeMeter(world.clock.now)
  Object.assign(world.deps, { companies: observedCompanyStore(world.companies, meter.observe) })
  const reconciler = world.takeOver(2)
  await world.linked()
  expect(reconciler.reconciler.sessionStatus()).toBe('connected')
  expect(world.state().session?.status).toBe('connected')
  expect([named('CodeIssued'), named('Linked'), named('PairingFailed')]).toEqual([[1], [1], []])
  world.whatsApp.live()[0]?.drop('lost')
  await world.clock.settle()
  expect(named('Reconnects')).toEqual([1])
  await meter.flush()
  expect(added[0]).toMatchObject({ 'outcome.connected': 1, 'time_to_code_ms.count': 1, 'time_to_link_ms.count': 1 })
  await world.request(phoneB)
  await world.clock.advance(61_000)
  await meter.flush()
  expect(added.at(-1)).toHaveProperty('cleanup_time_ms.count', 1)
})

test.each([
  ['all it holds', { held: 40, open: 40 }, 40],
  ['all it holds, also more than the target', { held: 70, open: 70 }, 70],
  ['those that reconnect, too', { held: 40, open: 37 }, 40],
  ['at least the target while more than a tenth are down', { held: 40, open: 35 }, 50],
  ['all it holds while these are down, if that is more than the target', { held: 70, open: 0 }, 70],
  ['at least the target while it is cut off from its leases', { held: 0, open: 0, isCutOff: true, last: 40 }, 50],
  ['what it last held, if that was more', { held: 0, open: 0, isCutOff: true, last: 70 }, 70],
  ['nothing when it has no sessions', { held: 0, open: 0 }, 0],
])('the load of a host is %s (R49)', (_, holding, load) => {
  expect(loadOf({ isCutOff: false, last: 0, ...holding }, 50)).toBe(load)
})

test('a host that is cut off from the store publishes no smaller load', async () => {
  const { clock } = companyRig()
  const { meter, named } = makeMeter(clock.now)
  let sessions = 70
  const status = () => ({
    shards: [0],
    sessions,
    lastContactAt: sessions > 0 ? clock.monotonic() : 60_000,
    canRead: true,
  })
  const states = () => (sessions > 0 ? { connected: sessions, 'logged-out': 9 } : {})
  const stop = keepMeasuring({ meter, time: clock, target: 50, staleMs: 10_000 }, { status, states }, 'host-1')
  await clock.advance(61_000)
  sessions = 0
  await clock.advance(120_000)
  await stop()
  expect(named('Sessions')).toEqual([70, 70, 70])
})
