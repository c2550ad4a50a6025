/** The one place where failures of AWS calls become an error of ours. */

/**
 * A call to AWS that did not get through: throttled, timed out, refused by the network. Nothing is known about a write
 * that ended so: it may have landed.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  /** Which service, e.g. `dynamodb`; for logs. */
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

/** Makes a client of the SDK throw `StoreUnavailable` for failures; refusals (a condition, bad input) stay what they are. */
export function translateFailures<C extends ClientLike>(client: C, service: string): C {
  const translate: Send = (next) => async (args) => {
    try {
      return await next(args)
    } catch (error) {
      throw isRefusal(error) ? error : new StoreUnavailable(service, error)
    }
  }
  // Outermost of all, so that it sees what is left after the SDK's own retries.
  client.middlewareStack.add(translate, { step: 'initialize', priority: 'high', name: 'translateFailures' })
  return client
}

/** Client faults that say "later", not "no". */
const laterNames = /Throttl|TooManyRequests|LimitExceeded|ThroughputExceeded|RequestTimeout|SlowDown|InProgress/

/** The service has understood the call and says no: nothing that waiting would change. Or the call is a bug of ours. */
function isRefusal(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true
  if (!(error instanceof Error) || !('$fault' in error)) return false
  return error.$fault === 'client' && !laterNames.test(error.name)
}
