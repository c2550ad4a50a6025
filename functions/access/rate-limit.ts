/**
 * Limit of messages per connection, and of HTTP requests per company and administrator (R34): a fixed window of one
 * second, counted for all containers together.
 */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { RequestCounter } from '#shared/dynamo/clients/request-counter.ts'
import type { Clock } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'

/**
 * Result of counting a request. `flooding`: it is the first above the limit in this second, and the caller was above its
 * limit in the seconds before too. Only one request of a second gets it, whichever container counts it.
 */
export type Rate = 'within' | 'above' | 'flooding'

export type RateLimit = {
  /** Counts a request of the caller. */
  count(caller: string): Promise<Rate>
}

export type RateLimitDeps = {
  readonly counter: RequestCounter
  readonly perSecond: number
  /** Seconds in a row after which a caller above its limit is flooding; without it none is. */
  readonly floodSeconds?: number
  readonly clock: Clock
  readonly log: Log
}

/** Seconds above the limit after which a connection is closed. */
export const connectionFloodSeconds = 3
/** Time for which a company gets no new connections after one of its own was closed for a flood: it would go on. */
export const barMs = 30_000

/**
 * Maximum time that a request waits for the counter. If the counter is slow or down, requests pass: it must not delay
 * them.
 */
const countWithinMs = 300
/** Limit of callers that a container remembers as above their limit in the current second. */
const maxRemembered = 1_000

export function rateLimit({ counter, perSecond, floodSeconds, clock, log }: RateLimitDeps): RateLimit {
  let second = 0
  const aboveLimit = new Set<string>()

  async function numberWithin(caller: string, ask: () => Promise<number>): Promise<number> {
    const asked = ask().catch((error: unknown) => {
      log.warn('Could not count requests', { caller, error })
      return 0
    })
    return waitAtMost(countWithinMs, asked, () => 0)
  }

  /** Reads earlier seconds one after another: of a caller that was within its limit just before, it reads one. */
  async function hasFlooded(caller: string, now: number, seconds: number): Promise<boolean> {
    for (let ago = 1; ago < seconds; ago++) {
      const counted = await numberWithin(caller, () => counter.countOf(caller, now - ago))
      if (counted <= perSecond) return false
    }
    return true
  }

  return {
    async count(caller) {
      const now = Math.floor(clock() / 1000)
      if (now !== second) aboveLimit.clear()
      second = now
      // Requests of a caller above its limit cost no more store calls in this container.
      if (aboveLimit.has(caller)) return 'above'
      const number = await numberWithin(caller, () => counter.count(caller, now))
      if (number <= perSecond) return 'within'
      if (aboveLimit.size < maxRemembered && second === now) aboveLimit.add(caller)
      // The counter gives this number once, so that of all containers one reads, once a second.
      const isFirstAbove = number === perSecond + 1
      const isFlooding = isFirstAbove && floodSeconds !== undefined && (await hasFlooded(caller, now, floodSeconds))
      return isFlooding ? 'flooding' : 'above'
    },
  }
}
