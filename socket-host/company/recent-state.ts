/**
 * A company's STATE as its host has last seen it. Two events of a socket often follow each other within seconds, and the
 * host itself has written what is in STATE. Others who change it send a command, after which it is read; and whatever is
 * decided on an older one is refused by the condition of its write. Before a session is ended STATE is read in any
 * case: the place at the fuse that its end takes is not given back when the write is refused.
 */
import type { CompanyState } from '#shared/domain/company/company.ts'
import type { CompanyDeps } from './deps.ts'

/** Time for which STATE counts as just seen. */
const recentMs = 5_000

export type RecentState = {
  /** STATE as of the last step; undefined before the first pass. */
  latest(): CompanyState | undefined
  /** The next `current` reads: somebody else may have changed STATE. */
  expire(): void
  /** Returns STATE, as it was just seen or else as it is read. */
  current(): Promise<CompanyState>
  /** Takes a step that returns STATE. After one that failed, STATE is read: nobody knows what was written. */
  after(step: () => Promise<CompanyState>): Promise<CompanyState>
}

/** Makes the view of a company that nobody has looked at yet. */
export function recentState(
  { companies, time }: Pick<CompanyDeps, 'companies' | 'time'>,
  companyId: string,
): RecentState {
  let latest: CompanyState | undefined
  let hasExpired = false
  /** Monotonic ms at which the store had `latest`; undefined when nobody knows what it has. */
  let seenAt: number | undefined

  return {
    latest: () => latest,
    expire: () => {
      hasExpired = true
    },
    async current() {
      const startedAt = time.monotonic()
      if (latest && !hasExpired && seenAt !== undefined && startedAt - seenAt < recentMs) return latest
      hasExpired = false
      seenAt = undefined
      latest = (await companies.read(companyId)).state
      seenAt = startedAt
      return latest
    },
    async after(step) {
      const [before, beforeAt] = [latest, seenAt]
      const startedAt = time.monotonic()
      seenAt = undefined
      latest = await step()
      // A step that decided nothing returns what it was given.
      seenAt = latest === before ? beforeAt : startedAt
      return latest
    },
  }
}
