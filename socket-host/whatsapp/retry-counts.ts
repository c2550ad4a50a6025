/**
 * Counts of the retry receipts for messages that could not be decrypted. Baileys keeps them in a cache that we give it,
 * and reads from it whether it may send one more.
 */
import type { Clock } from '#shared/ports.ts'
import { type BoundedCache, boundedCache } from './bounded-cache.ts'

/** Receipts for one message. */
export const maxRetries = 5

const maxMessages = 1000
const lifetimeMs = 3_600_000

/**
 * From its second receipt for a message on, Baileys offers a new pre-key, and storing it is the most expensive part. One
 * such receipt repairs the session with a contact; hundreds follow when stored credentials were older than the contacts'
 * sessions. So many are sent at once, and then one each `refillMs`.
 */
export const keysAtOnce = 50
const refillMs = 10_000

/** Makes the cache. `now` is a monotonic clock. */
export function retryCounts(now: Clock): BoundedCache {
  const counts = boundedCache(maxMessages, lifetimeMs, now)
  let budget = keysAtOnce
  let refilledAt = now()
  /** Key whose count was raised last: Baileys reads it back to write it into the receipt. */
  let raised: string | undefined

  const hasBudget = () => {
    const refills = Math.floor((now() - refilledAt) / refillMs)
    refilledAt += refills * refillMs
    budget = Math.min(keysAtOnce, budget + refills)
    return budget > 0
  }
  return {
    ...counts,
    get<T>(key: string) {
      const count = counts.get<number>(key)
      const isReadBack = key === raised
      raised = undefined
      const isRefused = count !== undefined && count > 0 && !isReadBack && !hasBudget()
      // Baileys writes numbers only.
      return (isRefused ? maxRetries : count) as T | undefined
    },
    set(key, value) {
      raised = key
      if (Number(value) > 1) budget -= 1
      counts.set(key, value)
    },
  }
}
