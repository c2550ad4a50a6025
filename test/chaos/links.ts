/** Watches the stored links of companies: none may disappear without a reason that its owner knows (R45). */
import { setTimeout as pause } from 'node:timers/promises'
import type { Company } from '../support/fleet.ts'
import type { StoredLink, StoredLinks } from '../support/stored-links.ts'

export type LinkWatch = {
  /** A new code of the company's own phone was typed: its link may be another one from now on. */
  mayBeReplaced(companyId: string): void
  /** True when the link is gone because a code for another phone was on screen (R8). Rejects while the table is away. */
  isReplacedByPhone(companyId: string): Promise<boolean>
  isLost(companyId: string): boolean
  /** Looks once more, and returns a sentence for each link that was lost. Rejects while the table is away. */
  lost(): Promise<readonly string[]>
  /** Looks again and again until the signal is aborted. A look that fails because the table is away is skipped. */
  keepLooking(signal: AbortSignal): Promise<void>
}

const lookEveryMs = 2000

/** `linked` returns the companies that must have a link now. */
export function watchLinks(store: Pick<StoredLinks, 'read'>, linked: () => readonly Company[]): LinkWatch {
  const firstSeen = new Map<string, string>()
  const replaceable = new Set<string>()
  const lost = new Map<string, string>()

  function judge({ companyId, generation, retired }: StoredLink): void {
    const known = firstSeen.get(companyId)
    if (generation === undefined) {
      if (!lost.has(companyId)) lost.set(companyId, `${companyId} at ${now()}, retired: ${retired.join(', ') || '?'}`)
    } else if (known === undefined) firstSeen.set(companyId, generation)
    else if (known !== generation && !replaceable.has(companyId))
      lost.set(companyId, `${companyId} at ${now()} has another link, retired: ${retired.join(', ') || '?'}`)
  }

  async function look(): Promise<void> {
    const found = await store.read(linked().map(({ companyId }) => companyId))
    // A company that was reset during the read is none of these any more.
    const still = new Set(linked().map(({ companyId }) => companyId))
    for (const link of found) if (still.has(link.companyId)) judge(link)
  }

  return {
    mayBeReplaced: (companyId) => void replaceable.add(companyId),
    isReplacedByPhone: async (companyId) => {
      const [link] = await store.read([companyId])
      return link?.generation === undefined && link?.retired.includes('phone-change') === true
    },
    isLost: (companyId) => lost.has(companyId),
    lost: async () => {
      await look()
      return [...lost.values()]
    },
    async keepLooking(signal) {
      while (!signal.aborted) {
        await look().catch(() => undefined)
        await pause(lookEveryMs)
      }
    },
  }
}

const now = (): string => new Date().toISOString()
