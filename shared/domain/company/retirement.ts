/**
 * The only module that decides that stored credentials are retired (R45). A stored link ends in four ways: somebody
 * resets it, WhatsApp says that the device is gone, another phone takes its place, or a new link of the same phone is
 * installed. `test/architecture.test.ts` fails when another module calls `retire`.
 */
import type { Link } from './attempt.ts'
import { retire, retireLink } from './cleanup.ts'
import type { CompanyState } from './company.ts'

/** Somebody resets the company (R7). */
export const retireByReset = (state: CompanyState, now: number): CompanyState => retire(state, 'reset', now)

/** WhatsApp has removed the device (R46). The host has taken a place at the fuse for it. */
export const retireRemoved = (state: CompanyState, now: number): CompanyState => retire(state, 'logged-out', now)

/** A code or a QR for another phone is on screen (R8). */
export const retireForPhone = (state: CompanyState, now: number): CompanyState => retire(state, 'phone-change', now)

/** A new link is installed; `isAnotherPhone` when it is known to be of another phone than the stored one (R8, R9). */
export const retireForLink = (state: CompanyState, isAnotherPhone: boolean, now: number): CompanyState =>
  retire(state, isAnotherPhone ? 'phone-change' : 'replaced', now)

/** An installed link whose attempt was cancelled, or superseded by another phone, before it connected (R11). */
export const retireUndone = (state: CompanyState, now: number): CompanyState => retire(state, 'attempt-ended', now)

/** A link that was recorded and not installed (R11). Its attempt has ended; the stored link stays. */
export const retireUninstalled = (state: CompanyState, link: Link, isRemoved: boolean, now: number): CompanyState =>
  retireLink(state, link, isRemoved ? 'logged-out' : 'attempt-ended', now)
