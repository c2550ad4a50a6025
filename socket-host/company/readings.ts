/**
 * Judges whether this host can read stored credentials at all (R47). A host that cannot read the first ones that it tries
 * has a wrong setting or a wrong build, and must leave its shards to others.
 */
import type { GenerationRef } from '#shared/ports.ts'

export type Readings = {
  /** Credentials of a generation were read. */
  readable(): void
  /** KMS, the key or the schema does not fit the credentials of this generation. */
  unreadable(ref: GenerationRef): void
  /** True once any credentials were read: what is unreadable then is so alone. */
  canRead(): boolean
}

/** Number of generations after which a host that has read none of them gives up. */
const firstGenerations = 5

export type ReadingsDeps = {
  /** Called once, when the first generations are unreadable and none was read. */
  readonly onBlind: () => void
  /** Called each time that credentials are unreadable. */
  readonly onUnreadable: (ref: GenerationRef) => void
}

export function countReadings({ onBlind, onUnreadable }: ReadingsDeps): Readings {
  const failed = new Set<string>()
  let hasRead = false
  let isBlind = false
  return {
    readable: () => {
      hasRead = true
    },
    unreadable: ({ companyId, generation }) => {
      onUnreadable({ companyId, generation })
      if (hasRead || isBlind) return
      failed.add(generation)
      if (failed.size < firstGenerations) return
      isBlind = true
      onBlind()
    },
    canRead: () => hasRead,
  }
}
