/** Companies in every state of an attempt, made by the transitions themselves. */

import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { commitLink, prepareLink, type Seen } from '#shared/domain/attempt/link.ts'
import { issueCode, type PairingRequest, phoneAnswered, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { AttemptState, Link, Owner, Waiting } from '#shared/domain/company/attempt.ts'
import { type AttemptRef, type CompanyState, emptyCompany, type Notice } from '#shared/domain/company/company.ts'
import { type SessionRef, sessionConnected } from '#shared/domain/session/session.ts'

/** Time of the builders' request, epoch ms. */
export const start = Date.UTC(2026, 0, 1)
export const seconds = (count: number) => start + count * 1000

export const phone = '79001234567'
export const anotherPhone = '79161234567'
export const host: Owner = { hostId: 'host-1', epoch: 7 }
export const predecessor: Owner = { hostId: 'host-0', epoch: 6 }
export const successor: Owner = { hostId: 'host-2', epoch: 8 }
const client: Waiting = { connectionId: 'browser', requestId: 'r1' }
export const code = { shown: { code: 'ABCD-EFGH' }, expiresAt: seconds(55), socketUntil: seconds(165) }
export const qr = { shown: { qr: 'first' }, expiresAt: seconds(65), socketUntil: seconds(165) }

export const aRequest = (overrides: Partial<PairingRequest> = {}): PairingRequest => ({
  attemptId: 'attempt-1',
  method: 'code',
  phone,
  waiting: client,
  correlationId: 'correlation-1',
  deadline: seconds(20),
  ...overrides,
})

export const aLink = (overrides: Partial<Link & Seen> = {}): Link & Seen => ({
  generation: 'generation-1',
  wrappedKey: 'key-1',
  phone,
  ...overrides,
})

/** Linked, but under an identity that could not be read (R3). */
export const unreadableLink: Link = { generation: 'generation-1', wrappedKey: 'key-1' }

/** The running attempt, as its host (or another) refers to it. */
export function refOf(state: CompanyState, overrides: Partial<AttemptRef> = {}): AttemptRef {
  const attempt = state.attempt
  if (!attempt) throw new Error('No attempt runs')
  return { attemptId: attempt.attemptId, fence: attempt.fence, owner: host, ...overrides }
}

/** The current generation, as its host (or another) refers to it. */
export function sessionOf(state: CompanyState, owner: Owner = host): SessionRef {
  const generation = state.credentials?.generation
  if (!generation) throw new Error('Nothing is stored')
  return { generation, owner }
}

export const requested = (from: CompanyState = emptyCompany, request: Partial<PairingRequest> = {}): CompanyState =>
  requestPairing(from, aRequest(request), start).state

/** The host accepts the running attempt. */
export const accept = (state: CompanyState, policy: Parameters<typeof acceptAttempt>[2] = 'replace') =>
  acceptAttempt(state, refOf(state), policy, seconds(1))

export const connecting = (from: CompanyState = emptyCompany, request: Partial<PairingRequest> = {}): CompanyState =>
  accept(requested(from, request)).state

export function codeIssued(from: CompanyState = emptyCompany, request: Partial<PairingRequest> = {}): CompanyState {
  const state = connecting(from, request)
  return issueCode(state, refOf(state), request.method === 'qr' ? qr : code, seconds(2)).state
}

export function phoneConfirmed(from: CompanyState = emptyCompany, asked = phone): CompanyState {
  const state = codeIssued(from, { phone: asked })
  return phoneAnswered(state, refOf(state), seconds(30)).state
}

export const expired = (from: CompanyState = emptyCompany): CompanyState =>
  timeOut(codeIssued(from), code.expiresAt).state

/** The expired code was typed at 60 s; whether it was right is not known yet. */
export function answeredLate(): CompanyState {
  const state = expired()
  return phoneAnswered(state, refOf(state), seconds(60)).state
}

export function storing(from: CompanyState = emptyCompany, link: Link & Seen = aLink()): CompanyState {
  const state = phoneConfirmed(from, link.phone)
  return prepareLink(state, refOf(state), link, seconds(31)).state
}

export function restarting(from: CompanyState = emptyCompany, link: Link & Seen = aLink()): CompanyState {
  const state = storing(from, link)
  return commitLink(state, refOf(state), link, seconds(32)).state
}

/** Linked and connected: no attempt runs. */
export function linked(link: Link = aLink()): CompanyState {
  const state = restarting(emptyCompany, link)
  return sessionConnected(state, sessionOf(state), seconds(35)).state
}

/** A fresh company in each state of an attempt. */
export const stages: Readonly<Record<AttemptState, () => CompanyState>> = {
  requested,
  connecting,
  'code-issued': codeIssued,
  'phone-confirmed': phoneConfirmed,
  expired,
  storing,
  restarting,
}
export const stageNames: readonly AttemptState[] = [
  'requested',
  'connecting',
  'code-issued',
  'phone-confirmed',
  'expired',
  'storing',
  'restarting',
]

/** Formats notices: the event, the requests that get it, and `all` when the whole company does. */
export const said = (notices: readonly Notice[]): readonly string[] =>
  notices.map(({ event, waiting, audience }) => {
    const detail =
      event.event === 'pairing-code-error'
        ? ` ${event.failure.code}`
        : event.event === 'pairing-progress'
          ? ` ${event.state}`
          : event.event === 'whatsapp-disconnected'
            ? ` ${event.code}`
            : event.event === 'credentials-reset'
              ? ` ${event.unlinked}`
              : ''
    const to = waiting.map(({ requestId }) => requestId ?? '?').join('+')
    return `${event.event}${detail} -> ${[to, ...(audience === 'company' ? ['all'] : [])].filter(Boolean).join(',')}`
  })
