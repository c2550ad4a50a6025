import { describe, expect, it } from 'vitest'
import { limiter } from '#shared/async/limiter.ts'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { CommandInbox } from '../../../socket-host/fleet/command-loop.ts'
import { hostShard } from '../../../socket-host/fleet/shard.ts'
import { shardCompanies } from '../../../socket-host/fleet/shard-companies.ts'
import { aborted } from '../../../socket-host/time.ts'
import { leaseOf, phoneA, rigDeps } from '../support/company-rig.ts'

/** A shard whose commands the test sends. */
function hosted() {
  const parts = rigDeps()
  const { deps, clock, companies } = parts
  let arrived = Promise.withResolvers<string>()
  const inbox: CommandInbox = {
    async receive(_, signal) {
      const body = await Promise.race([arrived.promise, aborted(signal)])
      arrived = Promise.withResolvers<string>()
      return body === undefined ? [] : [{ body, receipt: body }]
    },
    delete: async () => undefined,
  }
  const shard = hostShard({ ...deps, inbox, adoptions: limiter(16) }, 0, leaseOf('host-1', 1))
  const command = async (companyId: string) => {
    arrived.resolve(JSON.stringify({ companyId, correlationId: 'corr', fence: 1 }))
    await clock.settle()
  }
  const ask = (companyId: string) =>
    companies.decide(companyId, (state, now) =>
      requestPairing(
        state,
        { attemptId: 'a1', method: 'code', phone: phoneA, correlationId: 'corr', deadline: now + 20_000 },
        now,
      ),
    )
  return { ...parts, shard, command, ask }
}

describe('a company of a shard', () => {
  it('is dropped when its last work has ended with time', async () => {
    const s = hosted()
    await s.ask('c1')
    await s.command('c1')
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    s.whatsApp.last().drop('removed')
    await s.clock.advance(3_600_000)
    expect(s.shard.statuses()).toEqual(['logged-out'])
    await s.clock.advance(86_400_000)
    expect(s.companies.state('c1').cleanup).toEqual([])
    expect(s.shard.statuses()).toEqual([])
  })

  it('is not dropped when a command arrives just when there is nothing left to do', async () => {
    const s = hosted()
    await s.command('c1')
    const { read } = s.companies
    const answer = Promise.withResolvers<void>()
    Object.assign(s.companies, {
      read: async (companyId: string) => {
        const seen = await read(companyId)
        await answer.promise
        return seen
      },
    })
    await s.command('c1')
    await s.ask('c1')
    await s.command('c1')
    answer.resolve()
    await s.clock.settle()
    expect(s.companies.state('c1').attempt?.state).toBe('code-issued')
    expect(await s.shard.move()).toBe(false)
  })

  it('is dropped with its attempt, but a hand-over waits until its notices are published', async () => {
    const s = hosted()
    const sent = Promise.withResolvers<void>()
    Object.assign(s.deps.publisher, { publish: () => sent.promise })
    await s.ask('c1')
    await s.command('c1')
    s.whatsApp.live('registration')[0]?.drop('unavailable')
    await s.clock.settle()
    expect(s.companies.state('c1').lastAttempt?.failure).toEqual({ code: 'WHATSAPP_UNAVAILABLE' })
    let isHandedOver = false
    const handingOver = s.shard.handOver(AbortSignal.abort()).then(() => {
      isHandedOver = true
    })
    await s.clock.settle()
    expect(isHandedOver).toBe(false)
    sent.resolve()
    await handingOver
  })
})

describe('a shard that another host wants', () => {
  /** A shard in which reads of the state of `c2`, or of `c1`, wait until the test says so. */
  async function slow(companyId: string) {
    const s = hosted()
    const { read } = s.companies
    const { promise: answer, resolve } = Promise.withResolvers<void>()
    Object.assign(s.companies, {
      read: async (id: string) => {
        if (id === companyId) await answer
        return read(id)
      },
    })
    await s.clock.settle()
    return { ...s, answer: resolve }
  }
  /** Resolves with the outcome, or `undefined` while there is none. */
  const outcomeOf = (moving: Promise<boolean>) => Promise.race([moving, Promise.resolve(undefined)])

  it('stays when a request is just being accepted, and goes on with it (R28)', async () => {
    const s = await slow('c1')
    await s.ask('c1')
    await s.command('c1')
    const moving = s.shard.move()
    await s.clock.settle()
    expect(await outcomeOf(moving)).toBeUndefined()
    s.answer()
    expect(await moving).toBe(false)
    await s.clock.settle()
    expect(s.companies.state('c1').attempt?.state).toBe('code-issued')
  })

  it('leaves, and accepts no request that arrives while it looks (R28)', async () => {
    const s = await slow('c2')
    await s.command('c2')
    const moving = s.shard.move()
    await s.ask('c1')
    await s.command('c1')
    await s.clock.settle()
    s.answer()
    expect(await moving).toBe(true)
    await s.clock.settle()
    expect(s.companies.state('c1').attempt?.state).toBe('requested')
    expect(s.whatsApp.sockets).toEqual([])
  })

  it('stays when a step takes too long, so that no other company waits for it, and can leave later', async () => {
    const s = await slow('c2')
    await s.command('c2')
    const moving = s.shard.move()
    await s.ask('c1')
    await s.command('c1')
    await s.clock.advance(1000)
    expect(await outcomeOf(moving)).toBe(false)
    await s.clock.settle()
    expect(s.companies.state('c1').attempt?.state).toBe('code-issued')
    s.answer()
    await s.clock.advance(200_000)
    expect(await s.shard.move()).toBe(true)
  })

  it('stays until a code that has expired can no longer be typed (R19)', async () => {
    const s = hosted()
    await s.ask('c1')
    await s.command('c1')
    await s.clock.advance(51_000)
    expect(s.companies.state('c1').attempt?.state).toBe('expired')
    expect(await s.shard.move()).toBe(false)
    await s.clock.advance(10_000)
    expect(await s.shard.move()).toBe(true)
  })
})

describe('a shard whose sockets cannot be closed', () => {
  /** A shard with the attempts of two companies; the sockets of the first end as `close` says. */
  async function closing(close: () => Promise<void>) {
    const s = hosted()
    const { open } = s.whatsApp
    let opened = 0
    Object.assign(s.whatsApp, {
      open: (...args: Parameters<typeof open>) => {
        const socket = open(...args)
        return opened++ === 0 ? { ...socket, close } : socket
      },
    })
    for (const companyId of ['c1', 'c2']) {
      await s.ask(companyId)
      await s.command(companyId)
    }
    return s
  }
  const fails = () => Promise.reject(new Error('stuck'))

  it('closes the others, and says so: when the lease is lost, and before it would be released', async () => {
    const lost = await closing(fails)
    await expect(lost.shard.closeSockets()).rejects.toThrow('stuck')
    const left = await closing(fails)
    await expect(left.shard.handOver(AbortSignal.abort())).rejects.toThrow('stuck')
    expect([lost, left].map((s) => s.whatsApp.live().length)).toEqual([1, 1])
  })

  it('makes a hand-over wait for them when the lease is lost meanwhile', async () => {
    const gone = Promise.withResolvers<void>()
    const s = await closing(() => gone.promise)
    const ends: string[] = []
    const closingAll = s.shard.closeSockets().then(() => ends.push('closed'))
    const handingOver = s.shard.handOver(AbortSignal.abort()).then(() => ends.push('handed over'))
    await s.clock.settle()
    expect(ends).toEqual([])
    gone.resolve()
    await Promise.all([closingAll, handingOver])
  })
})

describe('a shard that leaves this host', () => {
  it('begins nothing for companies that are not there yet', async () => {
    const { deps, whatsApp } = rigDeps()
    const companies = shardCompanies(deps, leaseOf('host-1', 1))
    companies.seal()
    await expect(companies.reconcile('c1')).rejects.toThrow('The shard is leaving this host')
    expect(companies.count()).toBe(0)
    expect(whatsApp.sockets).toEqual([])
  })

  it('waits for the step that a company is taking', async () => {
    const s = hosted()
    const { decide } = s.companies
    const written = Promise.withResolvers<void>()
    await s.ask('c1')
    Object.assign(s.companies, {
      decide: async (...args: Parameters<typeof decide>) => {
        await written.promise
        return decide(...args)
      },
    })
    await s.command('c1')
    let isHandedOver = false
    const handingOver = s.shard.handOver(AbortSignal.abort()).then(() => {
      isHandedOver = true
    })
    await s.clock.settle()
    expect(isHandedOver).toBe(false)
    written.resolve()
    await handingOver
    expect(s.whatsApp.live()).toEqual([])
  })
})
