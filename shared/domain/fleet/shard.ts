/** Which shard a company belongs to. */

/** FNV-1a over the company id with a final mix, modulo the number of shards: stable across runtimes and releases. */
export function shardOf(companyId: string, shards: number): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(companyId)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash >>> 0) % shards
}
