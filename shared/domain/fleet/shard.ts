/**
 * Returns the shard of a company, from 0: FNV-1a over the company id with a final mix, modulo the number of shards. It
 * must never change: a company in another shard would be invisible to the host that has its session.
 */
export function shardOf(companyId: string, shards: number): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(companyId)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash >>> 0) % shards
}
