/** Small cache for one socket, without timers. Baileys' own caches start an interval each and have no upper bound. */

export type BoundedCache = {
  get<T>(key: string): T | undefined
  set<T>(key: string, value: T): void
  del(key: string): void
  flushAll(): void
}

/** Makes a cache of at most `maxEntries` entries. It drops the oldest first, and each one after `lifetimeMs`. */
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
      entries.set(key, { value, expiresAt: now() + lifetimeMs })
      const [oldest] = entries.keys()
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest)
    },
    del: (key) => void entries.delete(key),
    flushAll: () => entries.clear(),
  }
}
