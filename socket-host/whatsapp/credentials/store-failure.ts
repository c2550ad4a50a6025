/** Failed reads and writes of credentials: the close of the socket that needed them, and the error for the caller. */
import type { Close } from '#shared/domain/session/disconnect.ts'
import { messageOf, ownClose } from '../close-reason.ts'
import type { WriteOutcome } from './signal-keys.ts'

export type StoreFailure = { readonly close: Close; readonly error: Error }

/** Returns the failure of a write, or undefined if it succeeded. */
export async function writeFailure(outcome: Promise<WriteOutcome>): Promise<StoreFailure | undefined> {
  try {
    return (await outcome) === 'written' ? undefined : lostOwnership
  } catch (cause) {
    return storeFailed(cause)
  }
}

/** Another host owns the session. WhatsApp and the store work, so the socket closes without an alarm. */
const lostOwnership: StoreFailure = {
  close: ownClose('closed', 'another host owns the credentials'),
  error: new Error('Another host owns the credentials'),
}

/**
 * Failure of the store. Keys that could not be stored must not be used, so the socket closes and its session
 * reconnects.
 */
export const storeFailed = (cause: unknown): StoreFailure => ({
  close: ownClose('lost', `credentials store: ${messageOf(cause)}`),
  error: new Error('The credentials store failed', { cause }),
})

/** Keeps the first failure since a socket was last attached, and reports each one to that socket. */
export function failureRecord() {
  let first: StoreFailure | undefined
  let listener: (failure: StoreFailure) => void = () => {}
  return {
    first: () => first,
    /** Returns the error for the caller. */
    add(failure: StoreFailure): Error {
      first ??= failure
      listener(failure)
      return failure.error
    },
    /** Forgets the failure; the given listener replaces the previous one. */
    restart(onFailure: (failure: StoreFailure) => void): void {
      first = undefined
      listener = onFailure
    },
  }
}
