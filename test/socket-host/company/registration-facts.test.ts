import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CloseReason, pairingFailure } from '#shared/domain/session/disconnect.ts'
import {
  newRegistration,
  afterRegistrationEvent as next,
  type RegistrationEvent,
  type RegistrationFacts,
} from '../../../socket-host/company/registration-facts.ts'
import { seed } from '../../support/seed.ts'

const phone = '79001234567'
const openedAt = 1_000_000
const socketUntil = openedAt + 160_000
const ref = { attemptId: 'a1', fence: 1, owner: { hostId: 'host-1', epoch: 1 } }
const about = { ref, seenGeneration: 'g0' }

const byCode = next(newRegistration({ ...about, method: 'code', phone }), { type: 'began' }, openedAt)
const byQr = next(newRegistration({ ...about, method: 'qr', phone: undefined }), { type: 'began' }, openedAt)
const following = (facts: RegistrationFacts, ...events: readonly RegistrationEvent[]) =>
  events.reduce((seen, event) => next(seen, event, openedAt + 1000), facts)

const qr = { type: 'qr', qr: 'ref,keys', lapsesAt: openedAt + 60_000 } as const
const code = { type: 'codeReceived', code: 'ABCD-EFGH', expiresAt: openedAt + 50_000 } as const
const linked = { type: 'linked', phone } as const
const closed = (reason: CloseReason) => ({ type: 'closed', close: { reason, detail: '' } }) as const
const failed = (failure: 'BUSY' | 'CREDENTIALS_CONFLICT') => ({ type: 'failed', failure: { code: failure } }) as const

describe('after an event, a registration', () => {
  it.each<[string, RegistrationFacts, readonly RegistrationEvent[], Partial<RegistrationFacts>]>([
    ['waits for its turn', newRegistration({ ...about, method: 'code', phone }), [], { openedAt: undefined }],
    ['has a socket from the time that it began', byCode, [], { openedAt, offer: undefined, failure: undefined }],
    ['asks for a code at the first QR', byCode, [qr], { codeFor: phone, offer: undefined }],
    ['cannot ask for a code without a phone', { ...byCode, phone: undefined }, [qr], { failure: { code: 'INTERNAL' } }],
    [
      'shows a code',
      byCode,
      [qr, code],
      { offer: { shown: { code: 'ABCD-EFGH' }, expiresAt: code.expiresAt, socketUntil } },
    ],
    ['shows a QR', byQr, [qr], { offer: { shown: { qr: 'ref,keys' }, expiresAt: qr.lapsesAt, socketUntil } }],
    [
      'shows the next QR',
      byQr,
      [qr, { ...qr, qr: 'next' }],
      { offer: { shown: { qr: 'next' }, expiresAt: qr.lapsesAt, socketUntil } },
    ],
    [
      'shows nothing beyond the life of its socket',
      byQr,
      [{ ...qr, lapsesAt: socketUntil + 1 }],
      { offer: { shown: { qr: 'ref,keys' }, expiresAt: socketUntil, socketUntil } },
    ],
    [
      'counts the answers of the phone',
      byCode,
      [qr, code, { type: 'phoneAnswered' }, { type: 'phoneAnswered' }],
      { answers: 2, answersReported: 0 },
    ],
    [
      'keeps an answer that came while an earlier one was reported',
      byCode,
      [{ type: 'phoneAnswered' }, { type: 'phoneAnswered' }, { type: 'answersReported', count: 1 }],
      { answers: 2, answersReported: 1 },
    ],
    ['is linked', byCode, [linked], { isLinked: true, linkedPhone: phone, failure: undefined }],
    [
      'is linked even if the identity could not be read',
      byCode,
      [{ ...linked, phone: undefined }],
      { isLinked: true, linkedPhone: undefined },
    ],
    [
      'fails for an account with a passkey',
      byCode,
      [{ type: 'passkeyRequired' }],
      { failure: { code: 'PASSKEY_REQUIRED' } },
    ],
    [
      'fails for its first reason only',
      byCode,
      [failed('BUSY'), closed('lost'), failed('CREDENTIALS_CONFLICT')],
      { failure: { code: 'BUSY' }, isClosed: true },
    ],
    [
      'may fail after its socket has closed',
      byCode,
      [linked, closed('restart'), failed('CREDENTIALS_CONFLICT')],
      { failure: { code: 'CREDENTIALS_CONFLICT' } },
    ],
    [
      'ignores a code that comes too late',
      byCode,
      [qr, closed('lost'), code],
      { offer: undefined, failure: { code: 'WHATSAPP_UNAVAILABLE' } },
    ],
    [
      'ignores a link that comes after it was closed from here',
      byCode,
      [{ type: 'left' }, linked],
      { isLinked: false, isClosed: true },
    ],
    [
      'has a generation once the link is prepared, even after a close',
      byCode,
      [linked, closed('restart'), { type: 'prepared', generation: 'g1' }],
      { generation: 'g1' },
    ],
  ])('%s', (_, before, events, expected) => {
    expect(following(before, ...events)).toMatchObject(expected)
  })

  const reasons: readonly CloseReason[] = ['loggedOut', 'restricted', 'outdated', 'lost', 'refsEnded', 'rejected']
  it.each(reasons)('fails as the table of closes says when its socket closes with %s', (reason) => {
    expect(following(byCode, closed(reason)).failure).toEqual({ code: pairingFailure(reason, false) })
    expect(following(byCode, qr, code, closed(reason)).failure).toEqual({ code: pairingFailure(reason, true) })
    expect(following(byCode, linked, closed(reason)).failure).toBeUndefined()
  })
})

describe('whatever happens to a registration', () => {
  const events = fc.array(
    fc.oneof(
      fc.constantFrom<RegistrationEvent>(
        qr,
        code,
        linked,
        failed('BUSY'),
        { type: 'left' },
        { type: 'passkeyRequired' },
      ),
      fc.constantFrom<RegistrationEvent>(
        { type: 'phoneAnswered' },
        { type: 'answersReported', count: 1 },
        { type: 'opened' },
      ),
      fc.constantFrom(...(['restart', 'lost', 'refsEnded', 'badLink'] as const)).map(closed),
    ),
    { maxLength: 12 },
  )
  const isOfSocket = ({ type }: RegistrationEvent) => !['failed', 'answersReported', 'left'].includes(type)

  it('its failure stays, a linked one stays linked, and a closed socket reports nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(byCode, byQr), events, (start, all) => {
        let facts = start
        for (const event of all) {
          const changed = next(facts, event, openedAt + 1000)
          if (facts.failure) expect(changed.failure).toBe(facts.failure)
          if (facts.isLinked) expect(changed.isLinked).toBe(true)
          if (facts.isClosed) expect(changed.isClosed).toBe(true)
          if (facts.isClosed && isOfSocket(event)) expect(changed).toBe(facts)
          if (changed.isClosed && !facts.isClosed && event.type === 'closed')
            expect(changed.isLinked || changed.failure).toBeTruthy()
          if (changed.offer) expect(changed.offer.expiresAt).toBeLessThanOrEqual(changed.offer.socketUntil)
          facts = changed
        }
      }),
      { seed },
    )
  })
})
