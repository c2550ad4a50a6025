/** Small caches for one socket, without timers. Baileys' own caches start timers and have no upper bound (R65). */

export type BoundedCache = {
  get<T>(key: string): T | undefined
  set<T>(key: string, value: T): void
  del(key: string): void
  flushAll(): void
}

/** Characters of a key and its value as JSON. Contacts choose some of them, so longer ones are not kept. */
const maxEntryChars = 1000

const charsOf = (key: string, value: unknown): number => key.length + (JSON.stringify(value) ?? '').length

/**
 * Makes a cache of at most `maxEntries` entries of 1,000 characters. It drops the oldest first, and each one after
 * `lifetimeMs` of the clock `now`, which should be monotonic.
 */
export function boundedCache(maxEntries: number, lifetimeMs: number, now: () => number): BoundedCache {
  const entries = new Map<string, { readonly value: unknown; readonly expiresAt: number }>()
  return {
    get<T>(key: string) {
      const entry = entries.get(key)
      // Baileys reads a key as the type that it wrote under that key.
      return entry && entry.expiresAt > now() ? (entry.value as T) : undefined
    },
    set(key, value) {
      entries.delete(key)
      if (charsOf(key, value) > maxEntryChars) return
      entries.set(key, { value, expiresAt: now() + lifetimeMs })
      dropOldest(entries, maxEntries)
    },
    del: (key) => void entries.delete(key),
    flushAll: () => entries.clear(),
  }
}

/** The methods that Baileys uses of the package `lru-cache`. */
export type RecentCache = {
  get(key: string): string | undefined
  has(key: string): boolean
  set(key: string, value: string): void
  clear(): void
  readonly size: number
}

/** Makes a cache of at most `maxEntries` short texts. It drops the one whose last use is longest ago. */
export function recentCache(maxEntries: number): RecentCache {
  const entries = new Map<string, string>()
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    has: (key) => entries.has(key),
    set(key, value) {
      entries.delete(key)
      if (charsOf(key, value) > maxEntryChars) return
      entries.set(key, value)
      dropOldest(entries, maxEntries)
    },
    clear: () => entries.clear(),
    get size() {
      return entries.size
    },
  }
}

function dropOldest(entries: Map<string, unknown>, maxEntries: number): void {
  const [oldest] = entries.keys()
  if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest)
}
