/**
 * Judges whether this host can read stored credentials at all (R47). A host that cannot read the first ones that it tries
 * has a wrong setting or a wrong build, and must leave its shards to others.
 */
import type { GenerationRef } from '#shared/ports.ts'

export type Readings = {
  /** Credentials of a generation were read. */
  readable(): void
  /**
   * KMS, the key or the schema does not fit the credentials of this generation. `isExpected`: that is known, or it is
   * retired, so that it says nothing about this host.
   */
  unreadable(ref: GenerationRef, isExpected?: true): void
  /** Credentials of a generation are damaged or missing. Of the first ones that a host tries, that is no accident either. */
  damaged(ref: GenerationRef): void
  /**
   * True when these credentials alone are unreadable: this host has read others, and no others have been unreadable
   * since. A host that has read none yet believes what another one has found (`wasAlone`).
   */
  isAlone(ref: Pick<GenerationRef, 'generation'>, wasAlone?: true): true | undefined
}

export type ReadingsDeps = {
  /** Called once, when the first generations are unreadable and none was read. */
  readonly onBlind: () => void
  /** Called each time that credentials are unreadable. */
  readonly onUnreadable: (ref: GenerationRef) => void
}

/** Number of generations after which a host that has read none of them gives up. */
const firstGenerations = 5

export function countReadings({ onBlind, onUnreadable }: ReadingsDeps): Readings {
  /** Generations that were unreadable since the last that was read. */
  const failed = new Set<string>()
  let hasRead = false
  let isBlind = false

  function count(generation: string): void {
    failed.add(generation)
    if (hasRead || isBlind || failed.size < firstGenerations) return
    isBlind = true
    onBlind()
  }

  return {
    readable: () => {
      hasRead = true
      failed.clear()
    },
    unreadable: ({ companyId, generation }, isExpected) => {
      onUnreadable({ companyId, generation })
      if (!isExpected) count(generation)
    },
    damaged: ({ generation }) => {
      if (!hasRead) count(generation)
    },
    isAlone: ({ generation }, wasAlone) => {
      if (!hasRead) return wasAlone
      return [...failed].every((each) => each === generation) ? true : undefined
    },
  }
}
