/** Limit of messages per connection (R34): a fixed window of one second, counted for all containers together. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { MessageCounter } from '#shared/dynamo/clients/message-counter.ts'
import type { Clock } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'

export type MessageRateLimit = {
  /** Counts a message. True when it is above the connection's limit. */
  isExceeded(connectionId: string): Promise<boolean>
}

export type MessageRateLimitDeps = {
  readonly counter: MessageCounter
  readonly perSecond: number
  readonly clock: Clock
  readonly log: Log
}

/**
 * Maximum time that a message waits for the counter. If the counter is slow or down, messages pass: it must not delay
 * them.
 */
const countWithinMs = 300
/** Limit of connections that a container remembers as above their limit in the current second. */
const maxRemembered = 1_000

export function messageRateLimit({ counter, perSecond, clock, log }: MessageRateLimitDeps): MessageRateLimit {
  let second = 0
  const overLimit = new Set<string>()

  async function count(connectionId: string): Promise<number> {
    const counted = counter.count(connectionId, second).catch((error: unknown) => {
      log.warn('Could not count messages', { connectionId, error })
      return 0
    })
    return waitAtMost(countWithinMs, counted, () => 0)
  }

  return {
    async isExceeded(connectionId) {
      const now = Math.floor(clock() / 1000)
      if (now !== second) overLimit.clear()
      second = now
      // Messages of a connection above its limit cost no more writes in this container.
      if (overLimit.has(connectionId)) return true
      const isOver = (await count(connectionId)) > perSecond
      if (isOver && overLimit.size < maxRemembered && second === now) overLimit.add(connectionId)
      return isOver
    },
  }
}
