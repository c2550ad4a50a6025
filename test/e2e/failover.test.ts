/** Hosts that die, freeze and stop under linked sessions (R27, R28; end-to-end cases 13 and 15). */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { type Company, type Fleet, fleetOf, quickLeases, signal } from '../support/fleet.ts'
import { type Stage, startStage } from '../support/stage.ts'

/** Long enough for a busy machine. `npm run bench -- failover` fails when it takes longer than promised. */
const slackMs = 60_000
const staleMs = 6000

let stage: Stage
let fleet: Fleet
let companies: readonly Company[]
const written: { source: string; line: string }[] = []

// Each test has a fleet of its own: a host that one test kills would be missing in the next.
beforeEach(async () => {
  written.length = 0
  stage = await startStage({
    hosts: 3,
    // A replacement would take shards in the middle of a test.
    restartsHosts: false,
    environment: { ...quickLeases, LEASE_RENEW_MS: '1500', LEASE_STALE_MS: String(staleMs) },
    log: (source, line) => written.push({ source, line }),
  })
  fleet = fleetOf(stage)
  await fleet.untilSpread(slackMs)
  companies = await fleet.linkSome(6)
})
afterEach(() => stage?.stop())

const count = (client: Client, event: string) => client.frames.filter((frame) => frame.event === event).length

it('kill -9: its companies are connected on the others, and commands sent meanwhile are carried out', async () => {
  const [first] = companies
  if (!first) throw new Error('nobody is linked')
  const dead = await fleet.ownerOf(first.companyId)
  const orphans = fleet.heldBy(dead, companies)
  const asking = fleet.freshOn(dead)
  const half = fleet.freshOn(dead)
  const client = await stage.client(asking.companyId)
  const halfway = await stage.client(half.companyId)
  await halfway.ask('request-pairing-code', 'pairing-code', { phoneNumber: half.phone.number })
  signal(dead, 'SIGKILL')
  const asked = client.ask('request-pairing-code', 'pairing-code', { phoneNumber: asking.phone.number })
  await fleet.untilConnected(orphans, staleMs + slackMs, dead.hostId)
  await asking.phone.enterCode((await asked)['code'])
  await client.next('whatsapp-connected')
  // Only the killed host could have finished this attempt.
  expect(await halfway.next('pairing-code-error')).toMatchObject({ code: 'HOST_UNAVAILABLE', retryable: true })
  expect(await fleet.twins()).toEqual([])
  await Promise.all([client.close(), halfway.close()])
})

it('SIGSTOP for longer than the lease, then SIGCONT: the host that returns holds no socket and writes nothing', async () => {
  await fleet.untilSpread()
  await fleet.untilConnected(companies, slackMs)
  const [first] = companies
  if (!first) throw new Error('nobody is linked')
  const frozen = await fleet.ownerOf(first.companyId)
  const orphans = fleet.heldBy(frozen, companies)
  signal(frozen, 'SIGSTOP')
  await fleet.untilConnected(orphans, staleMs + slackMs, frozen.hostId)
  const seenBefore = await fleet.twins()
  const linesBefore = written.length
  signal(frozen, 'SIGCONT')
  const lost = () =>
    written.slice(linesBefore).filter(({ source, line }) => source === frozen.hostId && line.includes('Lease lost'))
  await expect.poll(() => lost().length).toBe(frozen.shards.length)
  // A socket that the host had kept would make one more connection than there are online devices.
  await expect
    .poll(async () => {
      const { connections, online } = await fleet.simulator()
      return connections.open - online.length
    })
    .toBe(0)
  await fleet.untilSpread()
  await fleet.untilConnected(companies, slackMs)
  expect(await fleet.twins()).toEqual(seenBefore)
  const about = written.slice(linesBefore).filter(({ line }) => /stale|Link commit decided/.test(line))
  expect(about).toEqual([])
})

it('SIGTERM: the others take over at once, with one disconnect; attempts finish, or fail with a clear code', async () => {
  const [first] = companies
  if (!first) throw new Error('nobody is linked')
  const leaving = await fleet.ownerOf(first.companyId)
  const moved = fleet.heldBy(leaving, companies)
  const clients = await Promise.all(moved.map(({ companyId }) => stage.client(companyId)))
  const loginsOf = async () =>
    (await Promise.all(moved.map(({ phone }) => phone.look()))).map(({ devices }) => devices[0])
  const before = await loginsOf()
  const typed = fleet.freshOn(leaving)
  const untyped = fleet.freshOn(leaving)
  const [typing, waiting] = await Promise.all([stage.client(typed.companyId), stage.client(untyped.companyId)])
  const { code } = await typing.ask('request-pairing-code', 'pairing-code', { phoneNumber: typed.phone.number })
  await waiting.ask('request-pairing-code', 'pairing-code', { phoneNumber: untyped.phone.number })
  signal(leaving, 'SIGTERM')
  expect(await typed.phone.enterCode(code)).toBe('linked')
  await typing.next('whatsapp-connected')
  expect(await waiting.next('pairing-code-error')).toMatchObject({ code: 'HOST_UNAVAILABLE' })
  await fleet.untilConnected([...moved, typed], slackMs, leaving.hostId)
  for (const client of clients) {
    await client.next('whatsapp-connected')
    await client.ask('get-status', 'status')
    expect(count(client, 'whatsapp-disconnected')).toBe(1)
    expect(count(client, 'whatsapp-connected')).toBe(1)
  }
  expect(await loginsOf()).toEqual(
    before.map((device) => ({ ...device, logins: Number(Reflect.get(device ?? {}, 'logins')) + 1 })),
  )
  await Promise.all([...clients, typing, waiting].map((client) => client.close()))
})
