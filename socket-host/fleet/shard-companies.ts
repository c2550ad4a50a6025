/** The companies of one shard on this host: a reconciler for each that has anything to do, and their hand-over. */
import { inParallel } from '#shared/async/in-parallel.ts'
import { settled } from '#shared/async/settled.ts'
import { waitAtMost } from '#shared/async/time-limit.ts'
import { type Attempt, isAccepted, waitedForUntil } from '#shared/domain/company/attempt.ts'
import type { SessionStatus } from '#shared/domain/company/company.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { CompanyDeps, OwnedLease } from '../company/deps.ts'
import { publishWithinMs } from '../company/hand-over.ts'
import { createReconciler, type Reconciler, type ShardView } from '../company/reconciler.ts'
import { attemptsOf, type ShardHold, shardHold } from './shard-hold.ts'

/** Limit of companies that a shard hands over at the same time. */
const maxConcurrent = 16

export type ShardCompanies = {
  /** Reconciles a company. Rejects when a step failed (it is retried), and for an unknown company after `seal`. */
  reconcile(companyId: string, correlationId?: string): Promise<void>
  /** Accepts no further companies: the shard is being handed over, or its lease is lost. */
  seal(): void
  /** Plans the hand-over of all companies, also of those that come later, for that time (epoch ms) at the latest. */
  setHandOverAt(at: number): void
  /**
   * Holds the shard: no company takes a further step, so that no request is accepted, and those that are under way end.
   * Then looks at the attempts. Resolves with true, and the companies stay held, when `mayLeave` says so. Otherwise, and
   * when a step takes too long, it resolves with false, and they go on as if nothing had happened. A shard that is held
   * stays held.
   */
  hold(mayLeave: (attempts: readonly Attempt[]) => boolean): Promise<boolean>
  /** Hands over every company; resolves with their number. Rejects when the sockets of one could not be closed. */
  handOver(): Promise<number>
  /** Closes every socket and writes nothing. Rejects, after all were tried, when one could not be closed. */
  closeSockets(): Promise<void>
  /** Number of companies that have anything to do here. */
  count(): number
  /** Number of open sessions. */
  sessions(): number
  /** Session status of every company that has a session. */
  statuses(): readonly SessionStatus[]
}

export function shardCompanies(deps: CompanyDeps, lease: OwnedLease): ShardCompanies {
  const reconcilers = new Map<string, Reconciler>()
  /** Notices of removed reconcilers that are still being published. */
  const publishing = new Set<Promise<void>>()
  let isSealed = false
  let handOverAt = Number.POSITIVE_INFINITY
  const all = () => [...reconcilers.values()]
  const hold = shardHold(deps.time, all)
  const at = { handOverAt: () => handOverAt, leavesAt: () => leavesAt(reconcilers, handOverAt) }
  const view: ShardView = { held: hold.held, ...at }

  /** Adds a reconciler, which stays until it has nothing left to do. */
  function add(companyId: string): Reconciler {
    const reconciler = createReconciler(deps, companyId, lease, view, () => {
      if (reconcilers.get(companyId) !== reconciler) return
      reconcilers.delete(companyId)
      const published = reconciler.whenPublished().finally(() => publishing.delete(published))
      publishing.add(published)
    })
    reconcilers.set(companyId, reconciler)
    return reconciler
  }

  return {
    reconcile: async (companyId, correlationId) => {
      const known = reconcilers.get(companyId)
      if (!known && isSealed) throw new Error('The shard is leaving this host')
      await (known ?? add(companyId)).reconcile(correlationId)
    },
    seal: () => {
      isSealed = true
    },
    setHandOverAt: (at) => {
      handOverAt = at
    },
    hold: hold.hold,
    handOver: async () => {
      const count = reconcilers.size
      stopAll(all(), hold)
      // A failure is thrown at the end, so that the lease is not released while a socket may be open: it goes stale.
      await forEach(reconcilers, maxConcurrent, (reconciler, companyId) =>
        handOverOrClose(companyId, reconciler, deps.log),
      )
      reconcilers.clear()
      await waitAtMost(publishWithinMs, Promise.all(publishing), () => undefined, deps.time.after)
      return count
    },
    closeSockets: async () => {
      stopAll(all(), hold)
      try {
        await forEach(reconcilers, reconcilers.size, (reconciler) => reconciler.closeSockets())
      } finally {
        reconcilers.clear()
      }
    },
    count: () => reconcilers.size,
    sessions: () => all().filter((reconciler) => reconciler.isOpen()).length,
    statuses: () => all().flatMap((reconciler) => reconciler.sessionStatus() ?? []),
  }
}

/** Ends the passes of all companies; those that are held end without a step. */
function stopAll(reconcilers: readonly Reconciler[], hold: ShardHold): void {
  for (const reconciler of reconcilers) reconciler.stop()
  hold.end()
}

/** Epoch ms by which a host that leaves will have waited for all accepted attempts; 0 without one. */
function leavesAt(reconcilers: ReadonlyMap<string, Reconciler>, handOverAt: number): number {
  // Each step of each company asks for it: a host that stays must not look at all of them for that.
  if (handOverAt === Number.POSITIVE_INFINITY) return 0
  const accepted = attemptsOf([...reconcilers.values()]).filter(isAccepted)
  return Math.min(handOverAt, Math.max(0, ...accepted.map(waitedForUntil)))
}

/** Calls `act` for every reconciler, also after a failure, and rejects at the end with the first one. */
async function forEach(
  reconcilers: ReadonlyMap<string, Reconciler>,
  width: number,
  act: (reconciler: Reconciler, companyId: string) => Promise<void>,
): Promise<void> {
  const outcomes = await inParallel([...reconcilers], width, ([companyId, reconciler]) =>
    settled(act(reconciler, companyId)),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Hands the company over, or at least closes its sockets. Rejects when even that fails. */
async function handOverOrClose(companyId: string, reconciler: Reconciler, log: Log): Promise<void> {
  try {
    await reconciler.handOver()
  } catch (error) {
    log.warn('Could not hand over the company, closing its sockets', { companyId, error })
    await reconciler.closeSockets()
  }
}
