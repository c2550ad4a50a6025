import { describe, expect, test } from 'vitest'
import type { CloseReason } from '#shared/domain/session/disconnect.ts'
import { closeOf, printable, refusedUpgrade, type SocketPhase } from '../../../socket-host/whatsapp/close-reason.ts'
import { boom } from '../support/boom.ts'

const network = (code: string, message = code) => Object.assign(new Error(message), { code })
const webSocketError = (cause: Error, status: number) => boom(`WebSocket Error (${cause.message})`, status, cause)

const conflict = (type: string) => ({ tag: 'conflict', attrs: { type } })
const failure = (reason: number) => boom('Connection Failure', reason, { reason: String(reason), location: 'frc' })

/** Columns: the cause, Baileys' error, the phase, and the expected reason. */
const closes: readonly (readonly [string, unknown, SocketPhase, CloseReason])[] = [
  [
    'connection refused',
    webSocketError(network('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 408),
    'handshake',
    'lost',
  ],
  [
    'unknown host',
    webSocketError(network('ENOTFOUND', 'getaddrinfo ENOTFOUND web.whatsapp.com'), 408),
    'handshake',
    'lost',
  ],
  ['reset during the upgrade', webSocketError(network('ECONNRESET', 'read ECONNRESET'), 408), 'handshake', 'lost'],
  ['upgrade never answered', webSocketError(new Error('Opening handshake has timed out'), 408), 'handshake', 'lost'],
  [
    'TLS to a port without TLS',
    webSocketError(network('EPROTO', 'write EPROTO wrong version number'), 408),
    'handshake',
    'lost',
  ],
  [
    'self-signed certificate',
    webSocketError(network('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 500),
    'handshake',
    'untrustedServer',
  ],
  [
    'certificate of another host',
    webSocketError(network('ERR_TLS_CERT_ALTNAME_INVALID', 'Hostname/IP does not match'), 408),
    'handshake',
    'untrustedServer',
  ],
  ['no server hello', boom('Timed Out', 408, { stack: 'Error' }), 'handshake', 'lost'],
  [
    'server hello with a wrong tag',
    new Error('Unsupported state or unable to authenticate data'),
    'handshake',
    'untrustedServer',
  ],
  ['server hello that is garbage', new RangeError('invalid wire type 7 at offset 2'), 'handshake', 'untrustedServer'],
  ['no leaf certificate', boom('invalid noise leaf certificate', 400), 'handshake', 'untrustedServer'],
  ['no intermediate certificate', boom('invalid noise intermediate certificate', 400), 'handshake', 'untrustedServer'],
  ['leaf not signed', boom('noise certificate signature invalid', 400), 'handshake', 'untrustedServer'],
  [
    'intermediate not signed',
    boom('noise intermediate certificate signature invalid', 400),
    'handshake',
    'untrustedServer',
  ],
  ['unknown issuer', boom('certification match failed', 400), 'handshake', 'untrustedServer'],
  ['cut at any later moment', boom('Connection Terminated', 428, null), 'session', 'lost'],
  ['cut while a code is on screen', boom('Connection Terminated', 428, null), 'registering', 'lost'],
  ['end of stream', boom('Connection Terminated by Server', 428), 'session', 'lost'],
  [
    'no WebSocket frame',
    webSocketError(new Error('Invalid WebSocket frame: RSV2 and RSV3 must be clear'), 500),
    'session',
    'lost',
  ],
  ['keep-alive unanswered', boom('Connection was lost', 408), 'session', 'lost'],
  ['QR refs used up', boom('QR refs attempts ended', 408), 'registering', 'refsEnded'],
  ['pair-success with a wrong HMAC', boom('Invalid account signature', 500), 'registering', 'badLink'],
  ['pair-success with a forged signature', boom('Failed to verify account signature', 500), 'registering', 'badLink'],
  [
    'pair-success without identity',
    boom('Missing device-identity or device in pair success node', 500, { tag: 'iq' }),
    'registering',
    'badLink',
  ],
  ['pair-success that does not parse', new RangeError('index out of range: 12 + 10 > 14'), 'registering', 'badLink'],
  [
    'normal end of linking',
    boom('Stream Errored (restart required)', 515, { tag: 'stream:error', attrs: { code: '515' } }),
    'linked',
    'restart',
  ],
  ['a close instead of 515', boom('Connection Terminated', 428, null), 'linked', 'lost'],
  ['device gone when it logs in', failure(401), 'session', 'loggedOut'],
  ['401 to a registration', failure(401), 'registering', 'rejected'],
  ['400', failure(400), 'session', 'rejected'],
  ['402, banned for a time', failure(402), 'session', 'restrictedUntil'],
  ['403, locked', failure(403), 'session', 'restricted'],
  ['405, outdated', failure(405), 'session', 'outdated'],
  ['406, banned', failure(406), 'session', 'restricted'],
  ['409, bad user agent', failure(409), 'session', 'rejected'],
  ['415', failure(415), 'session', 'rejected'],
  ['500', failure(500), 'session', 'unavailable'],
  ['503', failure(503), 'session', 'unavailable'],
  ['an unknown reason', failure(599), 'session', 'unknown'],
  ['unlinked while online', boom('Stream Errored (conflict)', 401, conflict('device_removed')), 'session', 'removed'],
  [
    'unlinked, without a code',
    boom('Stream Errored (conflict)', 440, conflict('device_removed')),
    'session',
    'removed',
  ],
  ['a conflict of an unknown type', boom('Stream Errored (conflict)', 440, conflict('moved')), 'session', 'loggedOut'],
  ['replaced', boom('Stream Errored (conflict)', 440, conflict('replaced')), 'session', 'replaced'],
  ['stream error 503', boom('Stream Errored (unknown)', 503), 'session', 'unavailable'],
  ['stream error 516', boom('Stream Errored (unknown)', 516), 'session', 'loggedOut'],
  ['stream error 428', boom('Stream Errored (unknown)', 428), 'session', 'lost'],
  ['stream error without a code', boom('Stream Errored (xml-not-well-formed)', 500), 'session', 'unavailable'],
  ['account left multi-device', boom('Multi-device beta not joined', 411), 'session', 'rejected'],
  ['our own logout', boom('Intentional Logout', 401, null), 'session', 'closed'],
  ['ended by us', undefined, 'session', 'closed'],
  ['an error that is no Boom', new Error('something new'), 'session', 'unknown'],
  ['something thrown that is no error', 'oops', 'session', 'unknown'],
]

const now = Date.UTC(2026, 10, 27)
const day = 24 * 3_600_000

describe('closes of Baileys', () => {
  test.each([
    ['3600', now + 3_600_000],
    ['2592000', now + 30 * day],
    ['2592001', now + day],
    ['0', now + day],
    ['soon', now + day],
    [undefined, now + day],
  ])(
    'a restriction for %s seconds ends in time; nonsense, and more than 30 days, counts as a day (R48)',
    (expire, until) => {
      const banned = boom('Connection Failure', 402, { reason: '402', code: '101', ...(expire && { expire }) })
      expect(closeOf(banned, 'session', now)).toMatchObject({ reason: 'restrictedUntil', until })
    },
  )

  test.each(closes)('%s', (_provoked, error, phase, reason) => {
    expect(closeOf(error, phase, now).reason).toBe(reason)
  })

  test('the status is kept where there is one', () => {
    expect(closeOf(failure(403), 'session', now)).toEqual({
      reason: 'restricted',
      status: 403,
      detail: 'Connection Failure',
    })
    expect(closeOf(new Error('plain'), 'session', now)).toEqual({ reason: 'unknown', detail: 'plain' })
  })

  test('a refused WebSocket upgrade means that WhatsApp is unavailable', () => {
    expect(refusedUpgrade(429)).toMatchObject({ reason: 'unavailable', status: 429 })
  })

  test('phones and keys do not reach the logs', () => {
    const words = 'device 79001234567:3@s.whatsapp.net key q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s='
    expect(printable(words)).toBe('device ***:3@s.whatsapp.net key ***')
    expect(printable('a '.repeat(500))).toHaveLength(200)
  })
})
