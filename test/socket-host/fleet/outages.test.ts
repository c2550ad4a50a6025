/** Outages and wrong deployments end no link: everything comes back by itself (R45, R46, R47). */
import { describe, expect, it } from 'vitest'
import type { CloseReason } from '#shared/domain/session/disconnect.ts'
import type { WhatsApp, WhatsAppSocket } from '../../../socket-host/whatsapp/port.ts'
import { cluster } from '../support/cluster.ts'

const many = Array.from({ length: 16 }, (_, n) => `c${n}`)

/** A cluster whose WhatsApp can refuse every login. */
async function linkedFleet(hosts: readonly string[]) {
  const c = cluster()
  const refusing: { reason: CloseReason | undefined } = { reason: undefined }
  const whatsApp: WhatsApp = {
    ...c.whatsApp,
    open(credentials, listener, about) {
      const { reason } = refusing
      if (!reason || !credentials.isLinked()) return c.whatsApp.open(credentials, listener, about)
      c.clock.after(100, () => listener({ type: 'closed', close: { reason, detail: 'test' } }))
      return refusedSocket
    },
  }
  const staff: Awaited<ReturnType<typeof c.employ>>[] = []
  for (const name of hosts) staff.push(await c.employ(name, {}, { whatsApp }))
  await c.clock.advance(30_000)
  for (const company of many) await c.link(company)
  const states = () => many.map((company) => c.companies.state(company))
  const generations = () => states().map(({ credentials }) => credentials?.generation)
  const linked = generations()
  const fleet = {
    ...c,
    staff,
    states,
    /** Refuses all logins and closes every session with this reason. */
    begin(reason: CloseReason) {
      refusing.reason = reason
      for (const socket of c.whatsApp.live('login')) socket.drop(reason)
    },
    end() {
      refusing.reason = undefined
    },
    count: (status: string) => states().filter(({ session }) => session?.status === status).length,
    /** Every link is as it was: none was retired, every device is linked. */
    expectNothingLost() {
      expect(generations()).toEqual(linked)
      expect(states().flatMap(({ cleanup }) => cleanup)).toEqual([])
      expect(c.whatsApp.devices.filter(({ isLinked }) => !isLinked)).toEqual([])
    },
    dismiss: () => Promise.all(staff.map((host) => host.drain(AbortSignal.abort()))),
  }
  return {
    ...fleet,
    /** WhatsApp accepts logins again: all sessions are back within 90 s, and nothing was lost. */
    async endWell() {
      fleet.end()
      await c.clock.advance(90_000)
      expect(fleet.count('connected')).toBe(many.length)
      fleet.expectNothingLost()
    },
  }
}

const refusedSocket: WhatsAppSocket = {
  requestCode: async () => new Promise<never>(() => undefined),
  unlink: async () => 'unconfirmed',
  close: async () => undefined,
}

describe('a wave of 401', () => {
  it('for forty seconds ends no link, and all sessions are back within 90 s of its end', async () => {
    const f = await linkedFleet(['a', 'b'])
    f.begin('loggedOut')
    await f.clock.advance(40_000)
    // Three find a place at the fuse and are told as logged out; the others only stop.
    expect(f.count('logged-out')).toBe(3)
    expect(f.count('stopped')).toBe(many.length - 3)
    expect(await f.fuse.openings()).toMatchObject({ refused: { since: expect.any(Number) } })
    f.expectNothingLost()
    await f.endWell()
    expect(await f.fuse.openings()).toMatchObject({ refused: { until: expect.any(Number) } })
    await f.dismiss()
  })

  it('for two hours ends no link either, although refused sessions try at their own times', async () => {
    const f = await linkedFleet(['a'])
    f.begin('loggedOut')
    await f.clock.advance(7_200_000)
    f.expectNothingLost()
    await f.endWell()
    await f.dismiss()
  })
})

describe('a wave of removals', () => {
  it('ends three links; the fuse keeps the others, and they are back when WhatsApp takes them again', async () => {
    const f = await linkedFleet(['a', 'b'])
    f.begin('removed')
    await f.clock.advance(40_000)
    expect(f.states().filter(({ credentials }) => credentials)).toHaveLength(many.length - 3)
    expect(f.count('stopped')).toBe(many.length - 3)
    f.end()
    await f.clock.advance(90_000)
    expect(f.count('connected')).toBe(many.length - 3)
    await f.dismiss()
  })
})

describe('a deploy while the fuse is open', () => {
  it('closes the fuse when the new hosts can bring the sessions up', async () => {
    const f = await linkedFleet(['a'])
    f.begin('removed')
    await f.clock.advance(30_000)
    await f.dismiss()
    f.end()
    const next = await f.employ('next')
    await f.clock.advance(20_000)
    expect(f.count('connected')).toBe(many.length - 3)
    expect(await f.fuse.openings()).toMatchObject({ removed: { until: expect.any(Number) } })
    await next.drain(AbortSignal.abort())
  })
})

describe('a refused version', () => {
  it('for ten minutes ends no link, and all sessions are back within 90 s of its end', async () => {
    const f = await linkedFleet(['a', 'b'])
    f.begin('outdated')
    await f.clock.advance(300_000)
    for (const phone of ['79001234567', '79161234567']) for (const company of many) await f.request(company, phone)
    await f.clock.advance(300_000)
    expect(f.count('stopped')).toBe(many.length)
    f.expectNothingLost()
    await f.endWell()
    await f.dismiss()
  })
})

describe('a build that can read no credentials', () => {
  const blind = (f: Awaited<ReturnType<typeof linkedFleet>>) => ({
    whatsApp: { ...f.whatsApp, load: async () => 'unreadable' as const },
  })

  it('beside a good host gives its shards back and reports unhealthy; nothing is retired', async () => {
    const f = await linkedFleet(['good'])
    const bad = await f.employ('bad', {}, blind(f))
    await f.clock.advance(120_000)
    expect(bad.status()).toMatchObject({ shards: [], canRead: false })
    expect(f.staff[0]?.status()).toMatchObject({ sessions: many.length, canRead: true })
    expect(f.staff[0]?.status().shards).toHaveLength(4)
    expect(f.count('connected')).toBe(many.length)
    f.expectNothingLost()
    await bad.drain(AbortSignal.abort())
    await f.dismiss()
  })

  it('that replaces every host costs no link: the next good host has all sessions', async () => {
    const f = await linkedFleet(['old'])
    const bad = await f.employ('bad', {}, blind(f))
    await f.dismiss()
    await f.clock.advance(120_000)
    expect(bad.status()).toMatchObject({ shards: [], canRead: false })
    for (const company of many) await f.request(company)
    f.expectNothingLost()
    const next = await f.employ('next')
    await f.clock.advance(120_000)
    expect(next.status()).toMatchObject({ sessions: many.length })
    expect(f.count('connected')).toBe(many.length)
    f.expectNothingLost()
    await next.drain(AbortSignal.abort())
  })
})
