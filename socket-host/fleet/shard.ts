/** One shard while this host owns it: its commands, its companies, and its hand-over. */
import { inParallel } from '#shared/async/in-parallel.ts'
import { settled } from '#shared/async/settled.ts'
import type { SessionStatus } from '#shared/domain/company/company.ts'
import type { CompanyDeps, OwnedLease } from '../company/deps.ts'
import { pause } from '../time.ts'
import { type CommandInbox, commandLoop } from './command-loop.ts'
import { maxConcurrent, type ShardCompanies, shardCompanies } from './shard-companies.ts'

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
  /**
   * Closes every socket and writes nothing: the lease is lost, and another host may own the shard. Rejects when one
   * could not be closed.
   */
  closeSockets(): Promise<void>
}

const pageSize = 100
/** Interval at which a hand-over checks whether its attempts have ended. */
const attemptCheckMs = 1000
/** Longest time that the successor needs to issue a code for a request that was left to it. */
const successorNeedsMs = 10_000
const listRetryMs = 1000

/** Starts to serve a shard: receives its commands and reconciles every company in it. */
export function hostShard(deps: ShardDeps, shard: number, lease: OwnedLease): ShardHost {
  const { time, log, inbox } = deps
  const companies = shardCompanies(deps, lease)
  const stopping = new AbortController()
  let handingOver: Promise<void> | undefined

  /**
   * Waits for running attempts, unless a request that was left to the successor would miss its deadline: until then
   * attempts with a code on screen may finish here, even though the request waits.
   */
  async function finishAttempts(patience: AbortSignal): Promise<void> {
    const mustHandOverNow = () => companies.deferredUntil() - successorNeedsMs <= time.now()
    while (companies.hasRunningAttempt() && !mustHandOverNow() && !patience.aborted && lease.isOwner())
      await pause(time, attemptCheckMs, patience)
  }

  function stop(): void {
    stopping.abort()
    companies.seal()
  }

  async function handOver(patience: AbortSignal, at: number): Promise<void> {
    companies.setHandOverAt(at)
    // Commands are still received: one company's reset or cancel must not wait for another company's attempt.
    await finishAttempts(patience)
    stop()
    companies.setHandOverAt(time.now())
    const count = await companies.handOver()
    log.info('Shard handed over', { shard, epoch: lease.epoch, companies: count })
  }

  const accept = (command: { companyId: string; correlationId: string }) =>
    companies.reconcile(command.companyId, command.correlationId)
  void commandLoop({ inbox, time, log, accept }, shard, stopping.signal)
  void adopt(deps, shard, lease, companies, stopping.signal)

  return {
    sessions: companies.sessions,
    statuses: companies.statuses,
    hasRunningAttempt: companies.hasRunningAttempt,
    // A drain may begin while the shard is already being handed over to another host: both wait for the same sockets.
    handOver: (patience, at) => {
      handingOver ??= handOver(patience, at)
      return handingOver
    },
    closeSockets: () => {
      stop()
      return companies.closeSockets()
    },
  }
}

/** Reconciles every company of a shard that was just acquired. Retries while the store cannot be read. */
async function adopt(
  { companies: store, time, log }: CompanyDeps,
  shard: number,
  lease: OwnedLease,
  companies: ShardCompanies,
  signal: AbortSignal,
): Promise<void> {
  const isActive = () => !signal.aborted && lease.isOwner()
  const reconcileAll = async () => {
    let after: string | undefined
    do {
      const page = await store.companiesOf(shard, { limit: pageSize, ...(after !== undefined && { after }) })
      await inParallel(page.companyIds, maxConcurrent, async (companyId) => {
        // A reconciler whose pass failed retries by itself.
        if (isActive()) await settled(companies.reconcile(companyId))
      })
      after = page.next
    } while (after !== undefined && isActive())
  }
  while (isActive()) {
    try {
      await reconcileAll()
      if (isActive()) return log.info('Shard adopted', { shard, epoch: lease.epoch, companies: companies.count() })
    } catch (error) {
      log.warn('Could not list the companies of the shard, retrying', { shard, error })
      await pause(time, listRetryMs, signal)
    }
  }
}
