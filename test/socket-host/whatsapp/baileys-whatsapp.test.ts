/** Tests of the adapter as the host uses it: real Baileys, real sockets, simulated WhatsApp. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { leaseTimes } from '#shared/config/settings.ts'
import { leaseMarginMs } from '#shared/domain/fleet/lease.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import { backstopMs, createWhatsApp, defaultTimes } from '../../../socket-host/whatsapp/baileys-whatsapp.ts'
import { blameSocket } from '../../../socket-host/whatsapp/current-socket.ts'
import { makePairs } from '../../../socket-host/whatsapp/patches/fast-keys.ts'
import type { Credentials } from '../../../socket-host/whatsapp/port.ts'
import { attach, loadFrom } from './credentials/linked-auth-state.ts'
import { libsignal } from './patches/signal-rig.ts'
import { aTarget, type Rig, rigTime, startRig } from './whatsapp-rig.ts'

let rig: Rig
let lastPhone = 79_001_000_000
const aPhone = () => String(++lastPhone)

beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

const loaded = async (target: ReturnType<typeof aTarget>): Promise<Credentials> => {
  const credentials = await rig.whatsApp.load(target)
  if (typeof credentials === 'string') throw new Error(credentials)
  return credentials
}

describe('linking', () => {
  test('by code, from nothing to a stored session that logs in again and is unlinked', async () => {
    const phone = aPhone()
    const target = aTarget()
    const credentials = rig.whatsApp.fresh()
    const registration = rig.open(credentials)
    const { lapsesAt } = await registration.next('qr')
    expect(lapsesAt).toBe(rigTime + 60_000)

    const code = await registration.socket.requestCode(phone)
    expect(code).toEqual({ ok: true, value: expect.stringMatching(/^[1-9A-Z]{4}-[1-9A-Z]{4}$/) })
    expect(credentials.isLinked()).toBe(false)
    await expect(rig.whatsApp.persist(credentials, target)).rejects.toThrow('Only linked')

    expect(await rig.enterCode(phone, code.ok ? code.value : '')).toBe('linked')
    expect(await registration.next('linked')).toEqual({ type: 'linked', phone })
    expect(rig.store.rowsOf(target).size).toBe(0)
    expect(await rig.whatsApp.persist(credentials, target)).toBe('written')
    expect((await registration.next('closed')).close.reason).toBe('restart')
    expect(registration.types()).toEqual(['qr', 'phoneAnswered', 'linked', 'closed'])

    await rig.whatsApp.prepare(credentials)
    const session = rig.open(credentials)
    await session.next('opened')
    expect([...rig.store.rowsOf(target).keys()].filter((key) => key.startsWith('pre-key#'))).toHaveLength(4)
    await session.socket.close()
    await credentials.flush()

    const again = rig.open(await loaded(target))
    await again.next('opened')
    expect(await again.socket.unlink(5000)).toBe('confirmed')
    expect(again.types()).toEqual(['opened'])
  })

  test('the pre-keys of a link are those that were made ahead', async () => {
    const [phone, target] = [aPhone(), aTarget()]
    const credentials = await rig.link(phone, target)
    const pairs = await makePairs()
    const deps = { store: rig.store, clock: () => rigTime, log: { debug() {}, warn() {}, error() {} } }
    const whatsApp = createWhatsApp({ ...deps, makePairs: async () => pairs })
    await whatsApp.prepare(credentials)
    await rig.open(credentials, whatsApp).next('opened')
    const ids = pairs.map((_, index) => `${index + 1}`)
    const { keys } = attach(await loadFrom(rig.store, target)).state
    const found = await keys.get('pre-key', ids)
    const stored = new Set(Object.values(found).map((key) => Buffer.from(key.private).toString('hex')))
    const used = pairs.filter((pair) => stored.has(Buffer.from(pair.private).toString('hex')))
    // The socket takes the first one for its handshake.
    expect([stored.size, used.length]).toEqual([812, 811])
  })

  test('by QR', async () => {
    const phone = aPhone()
    const target = aTarget()
    const credentials = rig.whatsApp.fresh()
    const registration = rig.open(credentials)
    const { qr } = await registration.next('qr')
    await Promise.all([rig.phone(phone, 'scan-qr', { qr }), registration.next('linked')])
    await rig.whatsApp.persist(credentials, target)
    await registration.next('closed')
    expect(registration.types()).toEqual(['qr', 'linked', 'closed'])
    const session = rig.open(await loaded(target))
    await session.next('opened')
  })

  test('a code that was mistyped can be typed again', async () => {
    const phone = aPhone()
    await rig.behave(phone, 'wrong-code', { times: 1 })
    const registration = rig.open(rig.whatsApp.fresh())
    await registration.next('qr')
    const code = await registration.socket.requestCode(phone)
    if (!code.ok) throw new Error(code.error.code)
    expect(await rig.enterCode(phone, code.value)).toBe('wrong code')
    expect(registration.types()).toEqual(['qr', 'phoneAnswered'])
    expect(await rig.enterCode(phone, code.value)).toBe('linked')
    await registration.next('linked')
    expect(registration.types().slice(0, 4)).toEqual(['qr', 'phoneAnswered', 'phoneAnswered', 'linked'])
  })

  test('credentials of an unfinished pairing register again like fresh ones', async () => {
    const phone = aPhone()
    await rig.behave(phone, 'cut-after-hello')
    const credentials = rig.whatsApp.fresh()
    const first = rig.open(credentials)
    await first.next('qr')
    await first.socket.requestCode(phone)
    expect((await first.next('closed')).close.reason).toBe('lost')
    const second = rig.open(credentials)
    await second.next('qr')
  })

  test('a link that WhatsApp does not restart closes as if it had', async () => {
    const phone = aPhone()
    await rig.behave(phone, 'no-close-after-pair')
    const registration = rig.open(rig.whatsApp.fresh(), rig.with({ restartMs: 200 }))
    const { qr } = await registration.next('qr')
    await Promise.all([rig.phone(phone, 'scan-qr', { qr }), registration.next('linked')])
    expect((await registration.next('closed')).close.reason).toBe('restart')
  })

  test.each(['bad-hmac', 'forged-account-signature', 'missing-device-identity'])(
    '%s does not link',
    async (behaviour) => {
      const phone = aPhone()
      await rig.behave(phone, behaviour)
      const credentials = rig.whatsApp.fresh()
      const registration = rig.open(credentials)
      const { qr } = await registration.next('qr')
      const scanned = rig.phone(phone, 'scan-qr', { qr })
      expect((await registration.next('closed')).close.reason).toBe('badLink')
      await scanned
      expect(registration.types()).not.toContain('linked')
      expect(credentials.isLinked()).toBe(false)
    },
  )

  test('an account with a passkey is detected at once', async () => {
    const phone = aPhone()
    await rig.behave(phone, 'passkey', { when: 'hello' })
    const registration = rig.open(rig.whatsApp.fresh())
    await registration.next('qr')
    await registration.socket.requestCode(phone)
    await registration.next('passkeyRequired')
  })
})

const refusals: readonly (readonly [string, Failure])[] = [
  ['bad-request', { code: 'CLIENT_REJECTED' }],
  ['forbidden', { code: 'CLIENT_REJECTED' }],
  ['not-registered', { code: 'INVALID_PHONE' }],
  ['rate-limited', { code: 'RATE_LIMITED', retryAfter: 600 }],
  ['feature-not-available', { code: 'CLIENT_REJECTED', action: 'use-qr' }],
  ['server-error', { code: 'WHATSAPP_UNAVAILABLE' }],
  ['silent', { code: 'PAIRING_TIMEOUT' }],
]

describe('a code that WhatsApp refuses is never returned', () => {
  test.each(refusals)('%s', async (behaviour, failure) => {
    const phone = aPhone()
    await rig.behave(phone, behaviour)
    const registration = rig.open(rig.whatsApp.fresh(), rig.with({ helloMs: 500 }))
    await registration.next('qr')
    expect(await registration.socket.requestCode(phone)).toEqual({ ok: false, error: failure })
  })

  test('the socket closes before the answer', async () => {
    const phone = aPhone()
    await rig.behave(phone, 'silent')
    const registration = rig.open(rig.whatsApp.fresh())
    await registration.next('qr')
    const code = registration.socket.requestCode(phone)
    await registration.socket.close()
    expect(await code).toEqual({ ok: false, error: { code: 'WHATSAPP_UNAVAILABLE' } })
  })

  test('a socket requests a code once, after the first QR', async () => {
    const registration = rig.open(rig.whatsApp.fresh())
    await expect(registration.socket.requestCode(aPhone())).rejects.toThrow('after the first QR')
    await registration.next('qr')
    await registration.socket.requestCode(aPhone())
    await expect(registration.socket.requestCode(aPhone())).rejects.toThrow('once')
  })
})

describe('ends of a session', () => {
  const phone = aPhone()
  const target = aTarget()
  let credentials: Credentials
  beforeAll(async () => {
    const session = await rig.connect(phone, target)
    await session.socket.close()
    credentials = session.credentials
  })
  const login = async () => {
    const session = rig.open(credentials)
    await session.next('opened')
    return session
  }

  test.each([
    ['removed', 'removed'],
    ['replaced', 'replaced'],
    ['cut', 'lost'],
    ['close', 'lost'],
    ['xmlstreamend', 'lost'],
    ['undecryptable', 'lost'],
    ['undecodable', 'lost'],
    ['invalid-frame', 'lost'],
  ] as const)('%s closes as %s, once', async (how, reason) => {
    const session = await login()
    const disrupted = rig.phone(phone, 'disrupt', { how })
    expect((await session.next('closed')).close.reason).toBe(reason)
    await disrupted
    expect(session.types()).toEqual(['opened', 'closed'])
  })

  test('a frame that cannot be decoded costs no other session anything', async () => {
    const [ill, well] = await Promise.all([login(), rig.connect(aPhone())])
    await rig.phone(phone, 'disrupt', { how: 'undecodable' })
    await ill.next('closed')
    expect(well.types()).toEqual(['opened'])
    expect(await well.socket.unlink(5000)).toBe('confirmed')
  })

  test('closing does not wait for a peer that has vanished, and is silent', async () => {
    const session = await login()
    await rig.phone(phone, 'disrupt', { how: 'vanish' })
    await session.socket.close()
    expect(session.types()).toEqual(['opened'])
  })

  test('an unhandled error of a socket ends that socket', async () => {
    expect(blameSocket(new Error('of nobody'))).toBe(false)
    const { store } = rig
    const { read } = store
    store.read = async (...args) => {
      store.read = read
      await Promise.resolve()
      expect(blameSocket(new Error('of this socket'))).toBe(true)
      return read(...args)
    }
    // Loaded, so that the socket reads rows: those that it has written itself are known.
    const session = rig.open(await loaded(target))
    expect((await session.next('closed')).close).toEqual({ reason: 'lost', detail: 'unhandled: of this socket' })
  })
})

test('Signal work of a socket ends with that socket, even if its rows never answer', async () => {
  const { store } = rig
  const target = aTarget()
  await rig.link(aPhone(), target)
  const credentials = await loaded(target)
  const { read } = store
  const reading = Promise.withResolvers<{ work: Promise<unknown> }>()
  const silent = { loadSession: () => new Promise<undefined>(() => {}) } as never
  store.read = (...args) => {
    store.read = read
    const cipher = new libsignal.SessionCipher(silent, new libsignal.ProtocolAddress('1', 0))
    reading.resolve({ work: cipher.hasOpenSession() })
    return read(...args)
  }
  const session = rig.open(credentials)
  await session.next('opened')
  const { work } = await reading.promise
  await Promise.all([expect(work).rejects.toThrow('The socket has gone'), session.socket.close()])
})

test('a socket is gone well before its lease can be taken, whatever the peer does', () => {
  expect(defaultTimes.closeMs + backstopMs).toBeLessThan(leaseMarginMs(leaseTimes.staleMs) / 2)
})

describe('a server that cannot be reached or trusted', () => {
  const closing = async (times = {}) => {
    const socket = rig.open(rig.whatsApp.fresh(), rig.with(times))
    const { close } = await socket.next('closed')
    await rig.service('ok')
    return close
  }

  test.each([403, 429, 503])('HTTP %d on the upgrade is detected at once', async (status) => {
    await rig.service('refuse-upgrade', { status })
    expect(await closing()).toMatchObject({ reason: 'unavailable', status })
  })

  test('QR refs that are used up end the attempt', async () => {
    await rig.service('no-refs')
    expect((await closing()).reason).toBe('refsEnded')
  })

  test.each(['upgrade-hangs', 'handshake-silent'])('%s ends after the connect time limit', async (behaviour) => {
    await rig.service(behaviour)
    expect((await closing({ connectMs: 300, closeMs: 100 })).reason).toBe('lost')
  })

  test.each([
    ['handshake-garbage', {}],
    ['handshake-other-key', {}],
    ['forged-certificate', {}],
    ['cert-wrong-key', {}],
    ['certificate-malformed', { how: 'missing-leaf' }],
    ['certificate-malformed', { how: 'other-issuer' }],
    ['certificate-malformed', { how: 'short-signature' }],
  ])('%s %j is an untrusted server', async (behaviour, params) => {
    await rig.service(behaviour, params)
    expect((await closing()).reason).toBe('untrustedServer')
  })
})

describe('open means stored and reachable', () => {
  test('a store that fails while the pre-keys are written: the socket closes and never says opened', async () => {
    const credentials = await rig.link(aPhone(), aTarget())
    const session = rig.open(credentials)
    rig.store.breakDown()
    expect((await session.next('closed')).close.reason).toBe('lost')
    rig.store.repair()
    expect(session.types()).toEqual(['closed'])
    const again = rig.open(credentials)
    await again.next('opened')
  })

  test('another host that has taken over: the socket closes, and nothing is overwritten', async () => {
    const target = aTarget()
    const credentials = await rig.link(aPhone(), target)
    await rig.store.load(target, 'creds', target.epoch + 1)
    const before = rig.store.writes.length
    const session = rig.open(credentials)
    expect((await session.next('closed')).close.reason).toBe('closed')
    expect(rig.store.writes).toHaveLength(before)
    await expect(credentials.flush()).rejects.toThrow('Another host')
  })

  test('a lease that has run out stores nothing', async () => {
    let isOwner = true
    const credentials = await rig.link(aPhone(), aTarget({ isOwner: () => isOwner }))
    isOwner = false
    const session = rig.open(credentials)
    expect((await session.next('closed')).close.reason).toBe('closed')
  })
})

describe('unlinking', () => {
  test('right after pair-success, from the registration socket, with nothing stored', async () => {
    const phone = aPhone()
    const registration = rig.open(rig.whatsApp.fresh())
    const { qr } = await registration.next('qr')
    await Promise.all([rig.phone(phone, 'scan-qr', { qr }), registration.next('linked')])
    const writes = rig.store.writes.length
    expect(await registration.socket.unlink(5000)).toBe('confirmed')
    expect(rig.store.writes).toHaveLength(writes)
  })

  test('right after pair-success, though WhatsApp does not close the registration', async () => {
    const phone = aPhone()
    await rig.behave(phone, 'no-close-after-pair')
    const registration = rig.open(rig.whatsApp.fresh())
    const { qr } = await registration.next('qr')
    await Promise.all([rig.phone(phone, 'scan-qr', { qr }), registration.next('linked')])
    expect(await registration.socket.unlink(2000)).toBe('confirmed')
  })

  test('before the session is open', async () => {
    const credentials = await rig.link(aPhone(), aTarget())
    expect(await rig.open(credentials).socket.unlink(5000)).toBe('confirmed')
  })

  test('a device that its phone has removed already counts as unlinked', async () => {
    const phone = aPhone()
    const credentials = await rig.link(phone, aTarget())
    await rig.phone(phone, 'unlink')
    expect(await rig.open(credentials).socket.unlink(5000)).toBe('confirmed')
  })

  test('is unconfirmed when WhatsApp is silent, in time', async () => {
    const phone = aPhone()
    const session = await rig.connect(phone)
    await rig.behave(phone, 'unlink-silent')
    expect(await session.socket.unlink(300)).toBe('unconfirmed')
  })

  test('is unconfirmed for credentials that were never linked', async () => {
    const registration = rig.open(rig.whatsApp.fresh())
    await registration.next('qr')
    expect(await registration.socket.unlink(300)).toBe('unconfirmed')
  })
})

test('WhatsApp has seen no violation of its protocol in any of these tests', async () => {
  expect(await rig.violations()).toMatchObject({ counts: {} })
})
