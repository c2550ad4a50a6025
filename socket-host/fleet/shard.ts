/** One shard while this host owns it: its commands, its companies, and its hand-over. */
import type { Limiter } from '#shared/async/limiter.ts'
import { settled } from '#shared/async/settled.ts'
import { type Attempt, attemptTimes, isAccepted, isWaitedFor } from '#shared/domain/company/attempt.ts'
import type { SessionStatus } from '#shared/domain/company/company.ts'
import type { CompanyDeps, OwnedLease } from '../company/deps.ts'
import { pause } from '../time.ts'
import { type CommandInbox, commandLoop } from './command-loop.ts'
import { type ShardCompanies, shardCompanies } from './shard-companies.ts'

export type ShardDeps = CompanyDeps & {
  readonly inbox: CommandInbox
  /** Limits the companies that all shards of this host adopt at the same time. */
  readonly adoptions: Limiter
}

export type ShardHost = {
  /** Number of open sessions. */
  sessions(): number
  /** Session status of every company that has a session. */
  statuses(): readonly SessionStatus[]
  /**
   * Hands every company over when no attempt is running, without that one can begin meanwhile (R28). Resolves with false,
   * and serves its companies as before, when one is. Rejects when the sockets of a company could not be closed: the
   * lease must then not be released.
   */
  move(): Promise<boolean>
  /**
   * Plans that the shard is handed over by that time (epoch ms). From then on it accepts only requests whose code can be
   * on screen for long enough.
   */
  planHandOver(at: number): void
  /**
   * Waits for accepted attempts until `patience` aborts, at the planned time at the latest, then hands over every company.
   * While it waits, the shard serves its companies as before. Rejects as `move` does.
   */
  handOver(patience: AbortSignal): Promise<void>
  /**
   * Closes every socket and writes nothing: the lease is lost, and another host may own the shard. Rejects when one
   * could not be closed.
   */
  closeSockets(): Promise<void>
}

/**
 * Companies that all shards of a host adopt side by side. So many keep the core busy when a call takes some milliseconds;
 * with more, the calls of an owner who asks meanwhile wait among theirs.
 */
export const maxAdoptions = 8
const pageSize = 100
/** Interval at which a hand-over checks whether its attempts have ended. */
const attemptCheckMs = 1000
const listRetryMs = 1000
/**
 * Time after which a company that is being adopted no longer counts, so that those that hang do not hold up all others: 16
 * of them a second pass. It is some ten times what a pass takes on a busy host, where no more must run side by side.
 */
const adoptionHoldMs = 500

/** Starts to serve a shard: receives its commands and reconciles every company in it. */
export function hostShard(deps: ShardDeps, shard: number, lease: OwnedLease): ShardHost {
  const { time, log, inbox } = deps
  const companies = shardCompanies(deps, lease)
  const stopping = new AbortController()
  let isAdopted = false
  let leaving: Promise<void> | undefined

  function stop(): void {
    stopping.abort()
    companies.seal()
  }

  async function leave(): Promise<void> {
    stop()
    const count = await companies.handOver()
    log.info('Shard handed over', { shard, epoch: lease.epoch, companies: count })
  }

  /** Hands the companies over. A drain may begin in the middle of a move: both wait for the same. */
  const leaveOnce = (): Promise<void> => {
    leaving ??= leave()
    return leaving
  }

  async function handOver(patience: AbortSignal): Promise<void> {
    // Commands are still received: one company's reset or cancel must not wait for another company's attempt.
    while (
      !patience.aborted &&
      lease.isOwner() &&
      !(await companies.hold((attempts) => isServed(attempts, time.now())))
    )
      await pause(time, attemptCheckMs, patience)
    await leaveOnce()
  }

  const accept = (command: { companyId: string; correlationId: string }) =>
    companies.reconcile(command.companyId, command.correlationId)
  void commandLoop({ inbox, time, log, accept }, shard, stopping.signal)
  void adopt(deps, shard, lease, companies, stopping.signal).then((adopted) => {
    isAdopted = adopted
  })

  return {
    sessions: companies.sessions,
    statuses: companies.statuses,
    move: async () => {
      // Attempts of companies that were not adopted yet are not known.
      if (!isAdopted || !(await companies.hold((attempts) => isFree(attempts, time.now())))) return false
      await leaveOnce()
      return true
    },
    planHandOver: companies.setHandOverAt,
    handOver,
    closeSockets: () => {
      stop()
      return companies.closeSockets()
    },
  }
}

/** True when a move ends no attempt: none is running, and no code can still be typed. */
const isFree = (attempts: readonly Attempt[], now: number): boolean =>
  !attempts.some((attempt) => isWaitedFor(attempt, now))

/**
 * True when a host that stops may leave. A request that it has not accepted is left to the successor, and must not wait
 * for a link that another host can connect as well.
 */
function isServed(attempts: readonly Attempt[], now: number): boolean {
  const isUrgent = (attempt: Attempt) => !isAccepted(attempt) && attempt.deadline - attemptTimes.successorNeedsMs <= now
  const canMove = (attempt: Attempt) =>
    !isAccepted(attempt) || (attempt.state === 'restarting' && attempts.some(isUrgent))
  return isFree(
    attempts.filter((attempt) => !canMove(attempt)),
    now,
  )
}

/**
 * Reconciles every company of a shard that was just acquired; shards that are adopted together take turns, and commands
 * of owners wait for none of it. Retries while the store cannot be read. Resolves with false
 * when the shard leaves before.
 */
async function adopt(
  { companies: store, time, log, adoptions }: ShardDeps,
  shard: number,
  lease: OwnedLease,
  companies: ShardCompanies,
  signal: AbortSignal,
): Promise<boolean> {
  const isActive = () => !signal.aborted && lease.isOwner()
  const adoptOne = async (companyId: string, leave: () => void) => {
    const stopHold = time.after(adoptionHoldMs, leave)
    // A reconciler whose pass failed retries by itself.
    if (isActive()) await settled(companies.reconcile(companyId))
    stopHold()
    leave()
  }
  const adoptAll = async () => {
    const adopted: Promise<void>[] = []
    let after: string | undefined
    do {
      const page = await store.companiesOf(shard, { limit: pageSize, ...(after !== undefined && { after }) })
      // Not awaited in between: companies that hang must not hold up those of their shard either.
      for (const companyId of page.companyIds) adopted.push(adoptOne(companyId, await adoptions()))
      after = page.next
    } while (after !== undefined && isActive())
    await Promise.all(adopted)
  }
  while (isActive()) {
    try {
      await adoptAll()
      if (!isActive()) return false
      log.info('Shard adopted', { shard, epoch: lease.epoch, companies: companies.count() })
      return true
    } catch (error) {
      log.warn('Could not list the companies of the shard, retrying', { shard, error })
      await pause(time, listRetryMs, signal)
    }
  }
  return false
}
