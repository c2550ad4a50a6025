import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cancelPairing, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { CloseReason } from '#shared/domain/session/disconnect.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import type { FakeSocket } from '../../fakes/fake-whatsapp.ts'
import { companyId, companyRig, phoneA, phoneB } from '../support/company-rig.ts'

/** Things that may happen to a company, in any order. */
type Happening =
  | { readonly do: 'request'; readonly phone: string; readonly method: 'code' | 'qr' }
  | { readonly do: 'cancel' | 'reset' | 'takeOver' | 'handOver' | 'storeAway' | 'storeBack' | 'loseAnswer' | 'damage' }
  | { readonly do: 'wait'; readonly ms: number }
  /** The newest sockets get the events of a successful pairing, as many as given. */
  | { readonly do: 'goWell'; readonly events: number }
  /** An event of any socket there ever was, closed or not. */
  | { readonly do: 'event'; readonly socket: number; readonly event: SocketPlay }

type SocketPlay = 'qr' | 'code' | 'answered' | 'link' | 'linkOther' | 'passkey' | 'opened' | 'unlinked' | CloseReason

const plays: readonly SocketPlay[] = [
  ...(['qr', 'qr', 'code', 'code', 'answered', 'link', 'link', 'linkOther', 'passkey', 'opened', 'opened'] as const),
  ...(['unlinked', 'restart', 'lost', 'removed', 'loggedOut', 'replaced', 'restricted', 'refsEnded'] as const),
]

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      phone: fc.constantFrom(phoneA, phoneB),
      method: fc.constantFrom('code' as const, 'qr' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cancel' as const,
        'reset' as const,
        'takeOver' as const,
        'handOver' as const,
        'storeAway' as const,
        'storeBack' as const,
        'loseAnswer' as const,
        'damage' as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 500, 3000, 12_000, 61_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('goWell' as const), events: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('event' as const),
      socket: fc.nat({ max: 3 }),
      event: fc.constantFrom(...plays),
    }),
  },
)

describe('whatever happens to a company', () => {
  it('there is one socket of a kind, late events change nothing, and nothing is stored before a link', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 10, maxLength: 50, size: 'max' }), fc.boolean(), play),
      { numRuns: 150 },
    )
  })
})

async function play(happenings: readonly Happening[], isObliging: boolean): Promise<void> {
  const s = companyRig({ isObliging })
  let host = { reconciler: s.reconciler, lease: s.lease }
  let epoch = 1
  let serial = 0
  let isStoreAway = false

  const check = () => {
    expect(s.whatsApp.live('registration').length).toBeLessThanOrEqual(1)
    const logins = s.whatsApp.live('login').map(({ credentials }) => credentials.device)
    expect(new Set(logins).size).toBe(logins.length)
    for (const stored of s.whatsApp.stored.values())
      if (typeof stored !== 'string') expect(stored.isLinked()).toBe(true)
  }

  for (const next of happenings) {
    switch (next.do) {
      case 'request':
        serial += 1
        await decide((state, now) => {
          const deadline = now + 20_000
          const request = {
            attemptId: `a${serial}`,
            method: next.method,
            phone: next.phone,
            correlationId: 'c',
            deadline,
          }
          return requestPairing(state, request, now)
        })
        break
      case 'cancel':
        await decide((state, now) => cancelPairing(state, [], now))
        break
      case 'reset':
        await decide((state, now) => resetCredentials(state, [], now))
        break
      case 'takeOver':
        host.lease.lose()
        await host.reconciler.closeSockets()
        host = s.takeOver(++epoch)
        break
      case 'handOver': {
        const leaving = host.reconciler.handOver().then(
          () => true,
          () => host.reconciler.closeSockets(),
        )
        await s.clock.advance(20_000)
        await leaving
        host.lease.lose()
        host = s.takeOver(++epoch)
        break
      }
      case 'storeAway':
        isStoreAway = true
        s.companies.breakDown()
        break
      case 'storeBack':
        isStoreAway = false
        s.companies.repair()
        break
      case 'loseAnswer':
        s.companies.loseNextAnswerForGood()
        break
      case 'damage':
        for (const key of s.whatsApp.stored.keys()) s.whatsApp.stored.set(key, 'damaged')
        break
      case 'goWell':
        for (let step = 0; step < next.events; step++) {
          const newest = s.whatsApp.live().at(-1)
          if (newest) emit(newest, goodNext(newest, step))
          await s.clock.settle()
          check()
        }
        break
      case 'wait':
        await s.clock.advance(next.ms)
        break
      case 'event': {
        const socket = s.whatsApp.sockets.at(-1 - next.socket)
        if (socket) await event(socket, next.event)
      }
    }
    if (next.do !== 'event' && next.do !== 'wait') await settled(host.reconciler.reconcile())
    await s.clock.settle()
    check()
  }

  // When everything works again, the company settles: nothing runs but a session that is open.
  s.companies.repair()
  await decide((state, now) => cancelPairing(state, [], now))
  await settled(host.reconciler.reconcile())
  for (let round = 0; round < 8; round++) {
    await s.clock.advance(30_000)
    for (const socket of s.whatsApp.live('login'))
      if (!socket.hasLoggedIn && socket.credentials.device?.isLinked) socket.opened()
    for (const socket of s.whatsApp.live('login'))
      if (socket.credentials.device?.isLinked === false) socket.drop('removed')
    check()
  }
  const { state } = await s.companies.read(companyId)
  expect(state.attempt).toBeUndefined()
  expect(s.whatsApp.live('registration')).toEqual([])
  const isUp = state.credentials !== undefined && state.session?.status !== 'stopped'
  expect(s.whatsApp.live('login')).toHaveLength(isUp ? 1 : 0)
  if (isUp) expect(state.session?.status).toBe('connected')
  expect(state.cleanup.filter(({ unlink }) => unlink === 'pending')).toEqual([])

  /** The Lambda's decisions fail when the store is away, as a client would see. */
  async function decide(transition: Parameters<typeof s.companies.decide>[1]): Promise<void> {
    await settled(s.companies.decide(companyId, transition))
  }

  /** Events of sockets that are closed must not change anything. */
  async function event(socket: FakeSocket, what: SocketPlay): Promise<void> {
    const wasOpen = socket.isOpen
    // Work that was still pending (a retry after a lost answer, for example) must not count as a consequence of the
    // event.
    if (!wasOpen) await settled(host.reconciler.reconcile())
    await s.clock.settle()
    const before = s.companies.state(companyId)
    emit(socket, what)
    await s.clock.settle()
    // The answer to a request of the host may still change the state.
    const isAnswer = what === 'unlinked' || what === 'code'
    if (!wasOpen && !isAnswer && !isStoreAway) expect(s.companies.state(companyId)).toEqual(before)
  }
}

/** Returns the next event of a socket when everything goes well. */
function goodNext({ kind, credentials }: FakeSocket, step: number): SocketPlay {
  if (kind === 'login') return 'opened'
  if (credentials.device) return 'restart'
  return (['qr', 'code', 'answered'] as const)[step] ?? 'link'
}

let qrs = 0

function emit(socket: FakeSocket, what: SocketPlay): void {
  const isRegistration = socket.kind === 'registration'
  switch (what) {
    case 'qr':
      if (isRegistration) socket.qr(`qr-${++qrs}`)
      break
    case 'code':
      socket.answerCode({ ok: true, value: 'ABCD-EFGH' })
      break
    case 'answered':
      if (isRegistration) socket.emit({ type: 'phoneAnswered' })
      break
    case 'link':
    case 'linkOther':
      if (isRegistration && !socket.credentials.device && socket.isOpen) socket.link(what === 'link' ? phoneA : phoneB)
      break
    case 'passkey':
      if (isRegistration) socket.emit({ type: 'passkeyRequired' })
      break
    case 'opened':
      if (!isRegistration) socket.opened()
      break
    case 'unlinked':
      socket.answerUnlink('confirmed')
      break
    default:
      socket.drop(what)
  }
}

const settled = (work: Promise<unknown>) => Promise.allSettled([work])
