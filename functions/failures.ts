/** Translates a thrown error into the failure that clients see. Its text is never sent. */
import type { Failure } from '#shared/domain/values/errors.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'

/** Returns `STORE_UNAVAILABLE` when a service of AWS is down or slow, otherwise `INTERNAL`. */
export const failureOf = (error: unknown): Failure => ({ code: isOutage(error) ? 'STORE_UNAVAILABLE' : 'INTERNAL' })

/** A `TimeoutError` (Middy's, or that of `withinTime`) means that the function's time is up: a service is slow. */
const isOutage = (error: unknown): boolean =>
  error instanceof StoreUnavailable || (error instanceof Error && error.name === 'TimeoutError')
