/** Bodies in which the HTTP API shows a company's session and attempt. */
import type { AttemptOutcome } from '#shared/domain/company/attempt.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { type LeaseView, type SessionView, sessionView } from '#shared/domain/company/view.ts'
import type { Language } from '#shared/domain/values/errors.ts'
import { maskPhone } from '#shared/domain/values/phone.ts'
import { attemptFields, failureFields } from '#shared/protocol/server-messages.ts'
import type { Caller } from '../access/tokens.ts'

/** Reader of a body: role, language, and the time (epoch ms) of the view. */
export type Viewer = { readonly role: Caller['role']; readonly language: Language; readonly now: number }
/** `staleMs`: milliseconds without renewal after which a lease counts as stale. */
export type SessionViewer = Viewer & { readonly staleMs: number }

/** Returns the session of a company, as the list and the detail route show it. */
export function sessionBody(
  companyId: string,
  state: CompanyState,
  lease: LeaseView | undefined,
  viewer: SessionViewer,
): Record<string, unknown> {
  const view = sessionView(state, lease, viewer.staleMs, viewer.now)
  const lastError = lastErrorOf(state, view, viewer.language)
  return {
    companyId,
    session: view.status,
    phoneNumber: phoneFor(viewer.role, view.phone),
    ...(view.since !== undefined && { since: iso(view.since) }),
    ...(view.until !== undefined && { until: iso(view.until) }),
    ...(view.hostId && { hostId: view.hostId }),
    ...(view.unlinked && { unlinked: view.unlinked }),
    ...(lastError && { lastError }),
    attempt: state.attempt ? attemptFields(state.attempt, viewer.now) : null,
  }
}

/** Returns the running attempt, else the outcome of the last one, else null. */
export function attemptBody(state: CompanyState, viewer: Viewer): Record<string, unknown> | null {
  if (state.attempt) return attemptFields(state.attempt, viewer.now)
  return state.lastAttempt ? outcomeFields(state.lastAttempt, viewer.language) : null
}

/** Returns a stored phone: in clear for admins, masked for clients, null when there is none. */
export function phoneFor(role: Caller['role'], phone: string | undefined): string | null {
  if (phone === undefined) return null
  return role === 'admin' ? phone : maskPhone(phone)
}

/** Nests the failure under `error`: its `code` is an error code, while `code` of an attempt is a pairing code. */
function outcomeFields({ attemptId, state, failure, at }: AttemptOutcome, language: Language) {
  return { attemptId, state, at: iso(at), ...(failure && { error: failureFields(failure, language) }) }
}

/** Returns why the session is not connected, else why the last attempt failed. */
function lastErrorOf(
  { lastAttempt, session }: CompanyState,
  view: SessionView,
  language: Language,
): Record<string, unknown> | undefined {
  if (view.error) return { ...failureFields({ code: view.error }, language), at: iso(session?.since ?? 0) }
  if (!lastAttempt?.failure) return undefined
  return { ...failureFields(lastAttempt.failure, language), at: iso(lastAttempt.at) }
}

const iso = (epochMs: number) => new Date(epochMs).toISOString()
