/** Translation of failed AWS calls to the error `StoreUnavailable`. */

/** Thrown when a call to AWS fails: throttled, timed out, no connection. A write may have succeeded all the same. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  /** Name of the service, such as `dynamodb`; for logs. */
  readonly service: string

  constructor(service: string, cause: unknown) {
    super(`${service} is unavailable: ${cause instanceof Error ? cause.name : 'unknown'}`, { cause })
    this.service = service
  }
}

type Send = <Input, Output>(next: (args: Input) => Promise<Output>) => (args: Input) => Promise<Output>
type ClientLike = {
  readonly middlewareStack: { add(send: Send, options: { step: 'initialize'; priority: 'high'; name: string }): void }
}

/** Makes an SDK client throw `StoreUnavailable` for failures; refusals, such as a failed condition, are unchanged. */
export function translateFailures<C extends ClientLike>(client: C, service: string): C {
  const translate: Send = (next) => async (args) => {
    try {
      return await next(args)
    } catch (error) {
      throw asFailure(error, service)
    }
  }
  // The outermost middleware, so that it sees an error only after the SDK's retries.
  client.middlewareStack.add(translate, { step: 'initialize', priority: 'high', name: 'translateFailures' })
  return client
}

/** Returns the error to throw for one that a call has failed with: refusals are unchanged. */
export const asFailure = (error: unknown, service: string): unknown =>
  isRefusal(error) ? error : new StoreUnavailable(service, error)

/** Names of client faults that a later call may not have: other credentials may have come until then. */
const laterNames =
  /Throttl|TooManyRequests|LimitExceeded|ThroughputExceeded|RequestTimeout|SlowDown|InProgress|ExpiredToken/

/** True when the service has rejected the call and would do so again, or when the call itself is a bug. */
function isRefusal(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true
  if (!(error instanceof Error) || !('$fault' in error)) return false
  return error.$fault === 'client' && !laterNames.test(error.name)
}

/** Codes of connections that fail, damage an answer (`EBADMSG`), or are not established. */
const connectionCodes: readonly unknown[] = [
  'EBADMSG',
  ...['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]

/**
 * True for a failure that may be over in a moment: a throttle, an error of the service, a reset, a connection that was not
 * established. The SDK names the last `TimeoutError`, like a call that got no answer.
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error) || isRefusal(error)) return false
  const isConnection = error.name === 'TimeoutError' || ('code' in error && connectionCodes.includes(error.code))
  return isServiceError(error) || isConnection
}

/** True when the service has answered that it failed, or that it will answer later. */
function isServiceError(error: Error): boolean {
  if ('$fault' in error && laterNames.test(error.name)) return true
  const status = '$metadata' in error ? Reflect.get(Object(error.$metadata), 'httpStatusCode') : undefined
  return typeof status === 'number' && (status === 429 || status >= 500)
}
