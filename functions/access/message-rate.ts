/** How many messages a connection may send (R34): a fixed window of a second, counted for all containers together. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { MessageCounter } from '#shared/dynamo/clients/message-counter.ts'
import type { Clock } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'

export type RateLimit = {
  /** Whether this message of the connection is one too many. */
  isExceeded(connectionId: string): Promise<boolean>
}

export type RateLimitDeps = {
  readonly counter: MessageCounter
  readonly perSecond: number
  readonly clock: Clock
  readonly log: Log
}

/** The counter protects the store; when it is slow or away, nobody waits for it, and messages go through. */
const countWithinMs = 300
/** Connections that are remembered as over their limit; API Gateway sends a container one message at a time. */
const maxRemembered = 1_000

export function messageRateLimit({ counter, perSecond, clock, log }: RateLimitDeps): RateLimit {
  let second = 0
  const over = new Set<string>()

  async function count(connectionId: string): Promise<number> {
    const counted = counter.count(connectionId, second).catch((error: unknown) => {
      log.warn('Messages could not be counted', { connectionId, error })
      return 0
    })
    return waitAtMost(countWithinMs, counted, () => 0)
  }

  return {
    async isExceeded(connectionId) {
      const now = Math.floor(clock() / 1000)
      if (now !== second) over.clear()
      second = now
      // Once over, a flood costs no more writes in this container.
      if (over.has(connectionId)) return true
      const isOver = (await count(connectionId)) > perSecond
      if (isOver && over.size < maxRemembered && second === now) over.add(connectionId)
      return isOver
    },
  }
}
