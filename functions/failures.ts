/** What clients are told of something that was thrown; nothing of its text goes out. */
import type { Failure } from '#shared/domain/values/errors.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'

/** A service of AWS is away or slow, or else it is our fault. */
export const failureOf = (error: unknown): Failure => ({ code: isOutage(error) ? 'STORE_UNAVAILABLE' : 'INTERNAL' })

/** Middy's time-out says that the function's own time is up: something that it waited for is slow. */
const isOutage = (error: unknown): boolean =>
  error instanceof StoreUnavailable || (error instanceof Error && error.name === 'TimeoutError')
