/**
 * Messages to the watchdog over random walks: whatever clients, hosts and the queue do, everything ends in time without a
 * host, and no number of requests makes many messages (R67).
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { nextDeadline, timeOut } from '#shared/domain/attempt/deadlines.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import { failAttempt, issueCode, phoneAnswered } from '#shared/domain/attempt/pairing.ts'
import { unlinkFinished } from '#shared/domain/company/cleanup.ts'
import { type CompanyState, decision, type Transition } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import { sessionConnected } from '#shared/domain/session/session.ts'
import type { WatchdogMessage } from '#shared/protocol/host-commands.ts'
import { decisions } from '../../socket-host/company/decisions.ts'
import { company, lambdaContext, makeWorld, messageEvent, receive, watch } from './support.ts'

const phones = ['+7 900 123-45-67', '+7 916 123-45-67'] as const
/** Longest delay that a message may add to a deadline: the time for the write that follows it. */
const slackMs = 500

/** Events between the message of a request and its write. A function lives for ten seconds. */
const happenings = ['nothing', 'nothing', 'a moment', 'seconds', 'hostStep', 'unlinked', 'cancel'] as const
const meanwhile = fc.constantFrom(...happenings)

const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('request' as const), phone: fc.constantFrom(...phones), meanwhile }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reset' as const), meanwhile }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const) }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('hostStep' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('unlinked' as const, 'fail' as const, 'adopt' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(300, 3_000, 12_000, 30_000, 61_000),
      /** Messages that are due by then arrive on time, or not before the next wait. */
      late: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('duplicate' as const, 'early' as const) }) },
)
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never

const request = (phone: (typeof phones)[number]): Act => ({ do: 'request', phone, meanwhile: 'nothing' })

function stage() {
  const world = makeWorld({ codesPerPhone: 10_000, codesPerCompany: 10_000 })
  const { now, queue, store } = world
  let epoch = 1
  let generations = 0
  let requests = 0
  let duplicates = 0
  /** Times at which codes came: until its socket ends, such an attempt may have messages of its own. */
  const codes: number[] = []
  const pending: WatchdogMessage[] = queue.wakes
  const host = () => ({ hostId: `host-${epoch}`, epoch })
  const deps = { companies: store, commands: queue, publisher: world.publisher, log: world.log }
  const time = { now: () => now.value }
  const held = decisions({ ...deps, time } as never, company, { isOwner: () => true } as never)
  /** Runs once, after the next message to the watchdog. */
  let between: (() => Promise<unknown>) | undefined
  const { wakeAt } = queue
  queue.wakeAt = async (message) => {
    await wakeAt(message)
    const once = between
    between = undefined
    await once?.()
  }
  const asHost = <T>(transition: Transition<T>) => held.applyAsOwner(transition, 'host')

  const send = (message: object) =>
    receive(messageEvent({ ...message, requestId: `r${++requests}` }, { exp: 99_999_999_999 }), lambdaContext, world)

  async function deliver(index: number): Promise<void> {
    const [message] = pending.splice(index, 1)
    const answer = await watch({ Records: [{ messageId: 'm', body: JSON.stringify(message) }] }, world)
    expect(answer.batchItemFailures).toEqual([])
  }
  const indexOfNext = () => pending.reduce((best, { due }, index) => (due < pending[best]!.due ? index : best), 0)

  /** Lets the time pass up to `until`, with each message on time. */
  async function run(until: number): Promise<void> {
    while (pending.length > 0 && pending[indexOfNext()]!.due <= until) {
      const index = indexOfNext()
      now.value = Math.max(now.value, pending[index]!.due)
      onTime()
      await deliver(index)
    }
    now.value = Math.max(now.value, until)
  }

  let isLate = false
  /** Nothing may be overdue by more than the slack when the earliest message arrives. */
  function onTime(): void {
    const due = nextDeadline(world.state())
    if (!isLate && due !== undefined && now.value > due + slackMs) throw new Error(`${now.value - due} ms late`)
  }

  async function hostStep(): Promise<void> {
    const { attempt } = world.state()
    if (!attempt) return
    const at = now.value
    const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner: host() }
    switch (attempt.state) {
      case 'requested':
        await asHost((state, time) => acceptAttempt(state, ref, 'replace', time))
        return
      case 'connecting':
        codes.push(at)
        await asHost((state, time) => {
          const issued = { shown: { code: 'ABCD-EFGH' }, expiresAt: at + 50_000, socketUntil: at + 160_000 }
          return issueCode(state, ref, issued, time)
        })
        return
      case 'code-issued':
      case 'expired':
        await asHost((state, time) => phoneAnswered(state, ref, time))
        return
      case 'phone-confirmed': {
        const link = {
          generation: `g${++generations}`,
          wrappedKey: 'k',
          ...(attempt.phone && { phone: attempt.phone }),
        }
        await asHost((state, time) => prepareLink(state, ref, link, time))
        return
      }
      case 'storing':
        await asHost((state, time) => commitLink(state, ref, attempt.link, time))
        return
      case 'restarting': {
        const generation = world.state().credentials?.generation ?? ''
        await asHost((state, time) => sessionConnected(state, { generation, owner: host() }, time))
      }
    }
  }

  async function aboutHost(what: 'unlinked' | 'fail' | 'adopt'): Promise<void> {
    const { attempt, cleanup } = world.state()
    if (what === 'adopt') {
      epoch += 1
      await asHost((state, time) => adoptCompany(state, host(), time))
    }
    if (what === 'unlinked')
      await asHost((state) => unlinkFinished(state, cleanup.at(-1)?.generation ?? '', 'confirmed'))
    if (what !== 'fail' || !attempt) return
    const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner: host() }
    await asHost((state, time) => failAttempt(state, ref, { code: 'WHATSAPP_UNAVAILABLE' }, time))
  }

  async function happen(what: (typeof happenings)[number]): Promise<unknown> {
    if (what === 'a moment') return run(now.value + 400)
    if (what === 'seconds') return run(now.value + 6_000)
    if (what === 'hostStep') return hostStep()
    if (what === 'unlinked') return aboutHost('unlinked')
    return what === 'cancel' ? send({ action: 'cancel-pairing' }) : undefined
  }

  async function perform(each: Act): Promise<void> {
    if (each.do === 'request' || each.do === 'reset') between = () => happen(each.meanwhile)
    switch (each.do) {
      case 'request':
        await send({ action: 'request-pairing-code', phoneNumber: each.phone })
        between = undefined
        return
      case 'cancel':
        await send({ action: 'cancel-pairing' })
        return
      case 'reset':
        await send({ action: 'reset-whatsapp-credentials' })
        between = undefined
        return
      case 'hostStep':
        return hostStep()
      case 'wait':
        isLate ||= each.late
        if (each.late) now.value += each.ms
        else await run(now.value + each.ms)
        // A host that is alive has timers of its own.
        if (!each.late) await asHost((state, time) => decision(timeOut(state, time).state, undefined))
        isLate &&= each.late
        return
      case 'duplicate':
        if (pending[0]) pending.push(pending[0])
        if (pending[0]) duplicates += 1
        return
      case 'early':
        if (pending.length > 0) await deliver(0)
        return
      default:
        return aboutHost(each.do)
    }
  }

  return {
    perform,
    pending,
    state: (): CompanyState => world.state(),
    /** Lets everything end without a host. */
    async settle() {
      await run(now.value)
      isLate = false
      while (pending.length > 0) await run(pending[indexOfNext()]!.due)
    },
    bound() {
      const unlinks = world.state().cleanup.filter(({ unlink }) => unlink === 'pending').length
      const recent = codes.filter((at) => now.value - at <= 170_000).length
      return 3 + 2 * recent + 2 * unlinks + duplicates
    },
  }
}

test('whatever happens, everything ends in time without a host, and messages stay few', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { size: 'max', maxLength: 40 }), async (acts) => {
      const { perform, pending, bound, settle, state } = stage()
      for (const each of acts) {
        await perform(each)
        expect(pending.length).toBeLessThanOrEqual(bound())
      }
      await settle()
      expect(state().attempt).toBeUndefined()
      expect(nextDeadline(state())).toBeUndefined()
    }),
    { numRuns: 250 },
  )
}, 120_000)

test.each([
  ['supersede each other', (n: number): Act => request(phones[n % 2]!)],
  ['are cancelled at once', (n: number): Act => (n % 2 ? { do: 'cancel' } : request(phones[0]))],
  ['are reset at once', (n: number): Act => (n % 2 ? { do: 'reset', meanwhile: 'nothing' } : request(phones[0]))],
])('three hundred requests that %s within a minute and a half leave few messages', async (_how, actOf) => {
  const { perform, pending, settle, state } = stage()
  let max = 0
  const attempts = new Set<string | undefined>()
  for (let n = 0; n < 300; n++) {
    await perform(actOf(n))
    await perform({ do: 'wait', ms: 300, late: false })
    max = Math.max(max, pending.length)
    attempts.add(state().attempt?.attemptId)
  }
  expect(attempts.size).toBeGreaterThan(100)
  expect(max).toBeLessThanOrEqual(3)
  await settle()
})

test('an owner who mistypes the code again and again leaves few messages', async () => {
  const { perform, pending, settle, state } = stage()
  await perform(request(phones[0]))
  let max = 0
  let mistyped = 0
  for (let n = 0; n < 50; n++) {
    if (state().attempt?.state !== 'phone-confirmed') await perform({ do: 'hostStep' })
    if (state().attempt?.state === 'phone-confirmed') mistyped += 1
    await perform({ do: 'wait', ms: 3_000, late: false })
    max = Math.max(max, pending.length)
  }
  expect(mistyped).toBeGreaterThan(30)
  expect(max).toBeLessThanOrEqual(2)
  await settle()
  expect(state().lastAttempt?.state).toBe('expired')
})
