import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ControlServer, serveControl } from '../../simulator/control/http.ts'
import { loadKinds, type PlannedEvent, planDay } from '../../simulator/messages/daily-load.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { memoryAuth } from '../fakes/memory-auth.ts'
import { linkedCompanion } from '../support/linked-companion.ts'
import { seed } from '../support/seed.ts'
import { connect, newNumber } from './companion.ts'

const perDay = { direct: 150, group: 300, serverSync: 100, reconnect: 5 }
const dayMs = 86_400_000
const patient = { timeout: 20_000 }

let simulator: Simulator
let http: ControlServer
beforeAll(async () => {
  simulator = await startSimulator()
  http = await serveControl(simulator, 0)
})
afterAll(async () => {
  await http.close()
  await simulator.close()
})

/** Returns the events of the first day. */
function firstDay(accounts: number, planSeed: number): PlannedEvent[] {
  const events: PlannedEvent[] = []
  let at = 0
  for (const event of planDay(perDay, { accounts, contacts: 5 }, planSeed)) {
    at += event.afterMs
    if (at > dayMs) break
    events.push(event)
  }
  return events
}

test('a day has as many events of each kind as each account should have, give or take chance', () => {
  const accounts = 10
  const events = firstDay(accounts, seed)
  for (const kind of loadKinds) {
    const expected = perDay[kind] * accounts
    // Five standard deviations of a Poisson distribution.
    const tolerance = 5 * Math.sqrt(expected)
    expect(Math.abs(events.filter((event) => event.kind === kind).length - expected)).toBeLessThan(tolerance)
  }
  const ofFirst = events.filter(({ account }) => account === 0).length
  expect(Math.abs(ofFirst - 555)).toBeLessThan(5 * Math.sqrt(555))
  expect(new Set(events.map(({ contact }) => contact))).toEqual(new Set([0, 1, 2, 3, 4]))
})

test('the gaps of a day are those of chance, not of a clock', () => {
  const gaps = firstDay(1, seed).map(({ afterMs }) => afterMs)
  const mean = dayMs / 555
  // Of an exponential distribution, 63 % are below the mean; of equal gaps, none or all are.
  const below = gaps.filter((ms) => ms < mean).length / gaps.length
  expect(below).toBeGreaterThan(0.55)
  expect(below).toBeLessThan(0.71)
})

test('the same seed gives the same day, and another one another', () => {
  expect(firstDay(2, 3)).toEqual(firstDay(2, 3))
  expect(firstDay(2, 3)).not.toEqual(firstDay(2, 4))
})

test.each([
  ['accounts', perDay, 0],
  ['events', { direct: 0, group: 0, serverSync: 0, reconnect: 0 }, 5],
])('without %s there is nothing to plan', (_, rates, accounts) => {
  expect([...planDay(rates, { accounts, contacts: 5 }, seed)]).toEqual([])
})

test('real Baileys decrypts the messages of a load, takes its notices, and is cut by it; an empty load ends it', async () => {
  const number = newNumber()
  const { creds, keys } = await linkedCompanion(`${http.url}/simulator`, number)
  creds.accountSyncCounter = 1
  const auth = memoryAuth(creds)
  await auth.keys.set(keys)
  const { opened, closed, sock } = connect(simulator, auth)
  await opened
  await simulator.control('PUT', '/simulator/daily-load', { direct: 1_000_000, group: 1_000_000, serverSync: 500_000 })
  await expect.poll(load, patient).toMatchObject({ accounts: 1, isPlaying: true })
  await expect.poll(async () => (await load()).deliveryMs.length, patient).toBeGreaterThan(20)
  await expect.poll(async () => (await load()).sent['server-sync'], patient).toBeGreaterThan(2)
  await simulator.control('PUT', '/simulator/daily-load', { reconnect: 1_000_000 })
  await closed
  await simulator.control('PUT', '/simulator/daily-load', {})
  const { sent, events, isPlaying } = await load()
  expect(isPlaying).toBe(false)
  expect(events).toMatchObject({ direct: 0, group: 0, serverSync: 0 })
  expect(sent['direct']).toBeGreaterThan(5)
  expect(sent['group']).toBeGreaterThan(5)
  await sock.end(undefined)
})

test('a load with a field that is not known is refused', async () => {
  const reply = await simulator.control('PUT', '/simulator/daily-load', { perHour: 3 })
  expect(reply).toMatchObject({ status: 400, body: { field: 'perHour' } })
})

type Figures = {
  readonly isPlaying: boolean
  readonly deliveryMs: readonly number[]
  readonly sent: Record<string, number>
  readonly events: object
}
const load = async (): Promise<Figures> => (await simulator.control('GET', '/simulator/daily-load')).body as Figures
