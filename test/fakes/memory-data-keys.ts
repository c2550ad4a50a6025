/** Data keys in memory: a wrapped key names its entry, which belongs to one generation. */
import { randomBytes } from 'node:crypto'
import type { DataKeys } from '#shared/ports.ts'

export function memoryDataKeys(): DataKeys {
  const keys = new Map<string, { readonly owner: string; readonly key: Uint8Array }>()
  const ownerOf = ({ companyId, generation }: { companyId: string; generation: string }) => `${companyId} ${generation}`
  return {
    async create(ref) {
      const key = new Uint8Array(randomBytes(32))
      const wrappedKey = randomBytes(32).toString('base64')
      keys.set(wrappedKey, { owner: ownerOf(ref), key })
      return { key, wrappedKey }
    },
    async unwrap(ref, wrappedKey) {
      const found = keys.get(wrappedKey)
      return found?.owner === ownerOf(ref) ? found.key : 'refused'
    },
  }
}
