import { describe, expect, it } from 'vitest'
import { err } from '#shared/domain/values/result.ts'
import { companyRig, phoneA } from '../support/company-rig.ts'

/** A company whose registration waits for its turn, until `begin` is called. */
async function queued() {
  const s = companyRig()
  const turns: (() => void)[] = []
  Object.assign(s.deps.pacing, {
    enter: (_urgency: string, begin: () => void) => {
      turns.push(begin)
      return () => undefined
    },
  })
  await s.request()
  return { ...s, begin: () => turns[0]?.() }
}

describe('a registration whose turn comes', () => {
  it('opens no socket when the lease was lost meanwhile', async () => {
    const s = await queued()
    s.lease.lose()
    s.begin()
    expect(s.whatsApp.sockets).toEqual([])
  })

  it('opens no socket when its attempt was cancelled meanwhile', async () => {
    const s = await queued()
    await s.cancel()
    s.begin()
    expect(s.whatsApp.sockets).toEqual([])
  })

  it('fails its attempt when the socket cannot be opened, and disturbs nobody else', async () => {
    const s = await queued()
    Object.assign(s.whatsApp, {
      open: () => {
        throw new TypeError('no socket')
      },
    })
    expect(s.begin).not.toThrow()
    await s.clock.settle()
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'INTERNAL' })
    expect(s.lines.some((line) => line.includes('Could not open a registration socket'))).toBe(true)
  })
})

describe('an answer of the phone', () => {
  it('is written even if it comes while an earlier one is being written', async () => {
    const s = companyRig()
    await s.request()
    const { decide } = s.companies
    const written = Promise.withResolvers<void>()
    Object.assign(s.companies, {
      decide: async (...args: Parameters<typeof decide>) => {
        const decided = await decide(...args)
        await written.promise
        return decided
      },
    })
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    await s.clock.advance(5000)
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    written.resolve()
    await s.clock.settle()
    expect(s.state().attempt).toMatchObject({ state: 'phone-confirmed', answerBy: s.clock.now() + 15_000 })
  })
})

describe('an answer of WhatsApp', () => {
  it('has no effect when the host has closed the socket meanwhile', async () => {
    const s = companyRig({ isObliging: false })
    await s.request(phoneA)
    s.whatsApp.last().qr()
    await s.clock.settle()
    expect(s.whatsApp.last().codesAskedFor).toEqual([phoneA])
    s.lease.lose()
    await s.reconciler.closeSockets()
    s.whatsApp.last().answerCode(err({ code: 'RATE_LIMITED', retryAfter: 60 }))
    await s.clock.settle()
    expect(s.coolDowns).toEqual([])
  })
})
