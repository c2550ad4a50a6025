/** One shard while this host owns it: its commands, its companies, and its hand-over. */
import { inParallel } from '#shared/async/in-parallel.ts'
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { SessionStatus } from '#shared/domain/company/company.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { CompanyDeps, OwnedLease } from '../company/deps.ts'
import { publishWithinMs } from '../company/hand-over.ts'
import { createReconciler, type Reconciler } from '../company/reconciler.ts'
import { pause } from '../time.ts'
import { type CommandInbox, commandLoop } from './command-loop.ts'

export type ShardDeps = CompanyDeps & { readonly inbox: CommandInbox }

export type ShardHost = {
  /** Number of open sessions. */
  sessions(): number
  /** Session status of every company that has a session. */
  statuses(): readonly SessionStatus[]
  hasRunningAttempt(): boolean
  /**
   * Waits for running attempts until `patience` aborts, then hands over every company. The caller aborts `patience` at
   * `handOverAt` (epoch ms) at the latest. While it waits, the shard serves its companies as before, but it accepts
   * only requests whose code is due before `handOverAt`. Rejects when the sockets of a company could not be closed: the
   * lease must then not be released.
   */
  handOver(patience: AbortSignal, handOverAt: number): Promise<void>
  /** Closes every socket and writes nothing: the lease is lost, and another host may own the shard. */
  closeSockets(): Promise<void>
}

const pageSize = 100
/** Limit of companies that are reconciled, or handed over, at the same time. */
const maxConcurrent = 16
/** Interval at which a hand-over checks whether its attempts have ended. */
const attemptCheckMs = 1000
/** Longest time that the successor needs to issue a code for a request that was left to it. */
const successorNeedsMs = 10_000
const listRetryMs = 1000

/** Starts to serve a shard: receives its commands and reconciles every company in it. */
export function hostShard(deps: ShardDeps, shard: number, lease: OwnedLease): ShardHost {
  const { time, log } = deps
  const reconcilers = new Map<string, Reconciler>()
  /** Notices of removed reconcilers that are still being published. */
  const publishing = new Set<Promise<void>>()
  const stopping = new AbortController()
  let handOverAt = Number.POSITIVE_INFINITY
  let handingOver: Promise<void> | undefined

  /** Adds a reconciler, which stays until it has nothing left to do. */
  function addReconciler(companyId: string): Reconciler {
    const reconciler = createReconciler(deps, companyId, lease, () => {
      if (reconcilers.get(companyId) !== reconciler) return
      reconcilers.delete(companyId)
      const published = reconciler.whenPublished().finally(() => publishing.delete(published))
      publishing.add(published)
    })
    reconciler.setHandOverAt(handOverAt)
    reconcilers.set(companyId, reconciler)
    return reconciler
  }

  async function reconcile(companyId: string, correlationId?: string): Promise<void> {
    const known = reconcilers.get(companyId)
    if (!known && stopping.signal.aborted) throw new Error('The shard is being handed over')
    await (known ?? addReconciler(companyId)).reconcile(correlationId)
  }

  const isActive = () => !stopping.signal.aborted && lease.isOwner()

  /** Reconciles every company of the shard. No other host has its sessions open any more. */
  async function reconcileAll(): Promise<void> {
    let after: string | undefined
    do {
      const page = await deps.companies.companiesOf(shard, { limit: pageSize, ...(after !== undefined && { after }) })
      await inParallel(page.companyIds, maxConcurrent, async (companyId) => {
        // A reconciler whose pass failed retries by itself.
        if (isActive()) await settled(reconcile(companyId))
      })
      after = page.next
    } while (after !== undefined && isActive())
  }

  async function adopt(): Promise<void> {
    while (isActive()) {
      try {
        await reconcileAll()
        if (isActive()) return log.info('Shard adopted', { shard, epoch: lease.epoch, companies: reconcilers.size })
      } catch (error) {
        log.warn('Could not list the companies of the shard, retrying', { shard, error })
        await pause(time, listRetryMs, stopping.signal)
      }
    }
  }

  const hasRunningAttempt = () => [...reconcilers.values()].some((reconciler) => reconciler.hasAttempt())

  /**
   * True when a request that was left to the successor would miss its deadline if this host waited any longer. Until
   * then attempts with a code on screen may finish here, even though the request waits.
   */
  const mustHandOverNow = () =>
    [...reconcilers.values()].some(
      (reconciler) => (reconciler.deferredUntil() ?? Number.POSITIVE_INFINITY) - successorNeedsMs <= time.now(),
    )

  async function finishAttempts(patience: AbortSignal): Promise<void> {
    while (hasRunningAttempt() && !mustHandOverNow() && !patience.aborted && lease.isOwner())
      await pause(time, attemptCheckMs, patience)
  }

  function setHandOverAt(at: number): void {
    handOverAt = at
    for (const reconciler of reconcilers.values()) reconciler.setHandOverAt(at)
  }

  async function handOver(patience: AbortSignal, at: number): Promise<void> {
    setHandOverAt(at)
    // Commands are still received: one company's reset or cancel must not wait for another company's attempt.
    await finishAttempts(patience)
    stopping.abort()
    setHandOverAt(time.now())
    // Every company is tried, even after a failure. A failure is thrown at the end, so that the lease is not released
    // while a socket may be open: it goes stale instead.
    const outcomes = await inParallel([...reconcilers], maxConcurrent, ([companyId, reconciler]) =>
      settled(handOverOrClose(companyId, reconciler, log)),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    reconcilers.clear()
    await waitAtMost(publishWithinMs, Promise.all(publishing), () => undefined, time.after)
    log.info('Shard handed over', { shard, epoch: lease.epoch, companies: outcomes.length })
  }

  const accept = (command: { companyId: string; correlationId: string }) =>
    reconcile(command.companyId, command.correlationId)
  void commandLoop({ inbox: deps.inbox, time, log, accept }, shard, stopping.signal)
  void adopt()

  return {
    sessions: () => [...reconcilers.values()].filter((reconciler) => reconciler.isOpen()).length,
    statuses: () => [...reconcilers.values()].flatMap((reconciler) => reconciler.sessionStatus() ?? []),
    hasRunningAttempt,
    // A drain may begin while the shard is already being handed over to another host: both wait for the same sockets.
    handOver: (patience, at) => {
      handingOver ??= handOver(patience, at)
      return handingOver
    },
    closeSockets: async () => {
      stopping.abort()
      await Promise.all([...reconcilers.values()].map((reconciler) => settled(reconciler.closeSockets())))
      reconcilers.clear()
    },
  }
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

/** Waits until the work has ended, well or not. It never rejects. */
async function settled(work: Promise<void>): Promise<PromiseSettledResult<void>> {
  const [outcome] = await Promise.allSettled([work])
  return outcome
}
