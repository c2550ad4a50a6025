/** A read or write of credentials that did not succeed: how the socket that needed it closes, what its caller is thrown. */
import type { Close } from '#shared/domain/session/disconnect.ts'
import { messageOf, ownClose } from '../close-reason.ts'
import type { WriteOutcome } from './signal-keys.ts'

export type StoreFailure = { readonly close: Close; readonly error: Error }

/** Why a write did not happen; undefined when it did. */
export async function writeFailure(outcome: Promise<WriteOutcome>): Promise<StoreFailure | undefined> {
  try {
    return (await outcome) === 'written' ? undefined : lostOwnership
  } catch (cause) {
    return storeFailed(cause)
  }
}

/** Another host owns the session: nothing is wrong with WhatsApp or with the store, so we close, and raise no alarm. */
const lostOwnership: StoreFailure = {
  close: ownClose('closed', 'another host owns the credentials'),
  error: new Error('Another host owns the credentials'),
}

/** What could not be stored must not be used either: the socket is lost, and its session tries again. */
export const storeFailed = (cause: unknown): StoreFailure => ({
  close: ownClose('lost', `credentials store: ${messageOf(cause)}`),
  error: new Error('The credentials store failed', { cause }),
})
