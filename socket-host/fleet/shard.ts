/** One shard while this host owns it: its commands, its companies, and how it is left. */
import { inParallel } from '#shared/async/in-parallel.ts'
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { SessionStatus } from '#shared/domain/company/company.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { CompanyDeps, OwnedLease } from '../company/deps.ts'
import { publishWithinMs } from '../company/hand-over.ts'
import { type CompanyRunner, companyRunner } from '../company/reconciler.ts'
import { pause } from '../time.ts'
import { type CommandInbox, commandLoop } from './command-loop.ts'

export type ShardDeps = CompanyDeps & { readonly inbox: CommandInbox }

export type ShardHost = {
  /** Sessions that are open. */
  sessions(): number
  /** How the session of each company stands that has one. */
  statuses(): readonly SessionStatus[]
  hasRunningAttempt(): boolean
  /**
   * Gives running attempts until `patience` aborts, at `leavesAt` (epoch ms) at the latest, then leaves every company in
   * good order. Until then it goes on as ever, but takes on only what has its code in time.
   */
  leave(patience: AbortSignal, leavesAt: number): Promise<void>
  /** Closes every socket and writes nothing. */
  abandon(): Promise<void>
}

const pageSize = 100
/** Companies that are looked at, or left, at the same time. */
const abreast = 16
/** While a shard is being left: between two looks at whether its attempts have ended. */
const lookAgainMs = 1000
/** What the heir of a shard needs at the most to make a code of a request that was left to it. */
const heirNeedsMs = 10_000
const walkAgainMs = 1000

export function hostShard(deps: ShardDeps, shard: number, lease: OwnedLease): ShardHost {
  const { time, log } = deps
  const runners = new Map<string, CompanyRunner>()
  /** What runners that are gone are still publishing. */
  const publishing = new Set<Promise<void>>()
  const stopping = new AbortController()
  let leavesAt = Number.POSITIVE_INFINITY
  let left: Promise<void> | undefined

  /** Runners stay as long as there is something to run. */
  function addRunner(companyId: string): CompanyRunner {
    const runner = companyRunner(deps, companyId, lease, () => {
      if (runners.get(companyId) !== runner) return
      runners.delete(companyId)
      const published = runner.whenPublished().finally(() => publishing.delete(published))
      publishing.add(published)
    })
    runner.prepareToLeave(leavesAt)
    runners.set(companyId, runner)
    return runner
  }

  async function look(companyId: string, correlationId?: string): Promise<void> {
    const known = runners.get(companyId)
    if (!known && stopping.signal.aborted) throw new Error('The shard is being left')
    await (known ?? addRunner(companyId)).reconcile(correlationId)
  }

  const isCurrent = () => !stopping.signal.aborted && lease.isOwner()

  /** Finds every company of the shard: their predecessors' sockets are gone, their sessions come up again. */
  async function walk(): Promise<void> {
    let after: string | undefined
    do {
      const page = await deps.companies.companiesOf(shard, { limit: pageSize, ...(after !== undefined && { after }) })
      await inParallel(page.companyIds, abreast, async (companyId) => {
        // A company that cannot be read tries again by itself.
        if (isCurrent()) await settled(look(companyId))
      })
      after = page.next
    } while (after !== undefined && isCurrent())
  }

  async function adopt(): Promise<void> {
    while (isCurrent()) {
      try {
        await walk()
        if (isCurrent()) return log.info('shard adopted', { shard, epoch: lease.epoch, companies: runners.size })
      } catch (error) {
        log.warn('companies of a shard could not be listed, trying again', { shard, error })
        await pause(time, walkAgainMs, stopping.signal)
      }
    }
  }

  const hasRunningAttempt = () => [...runners.values()].some((runner) => runner.hasAttempt())

  /**
   * Owners with a code on screen and owners who just ask are both served here while there is time for a code; after that
   * the last seconds are the code's on screen, unless the heir could then not serve in time who has asked.
   */
  const isPressed = () =>
    [...runners.values()].some(
      (runner) => (runner.waitsUntil() ?? Number.POSITIVE_INFINITY) - heirNeedsMs <= time.now(),
    )

  async function finishAttempts(patience: AbortSignal): Promise<void> {
    while (hasRunningAttempt() && !isPressed() && !patience.aborted && lease.isOwner())
      await pause(time, lookAgainMs, patience)
  }

  function prepareToLeave(at: number): void {
    leavesAt = at
    for (const runner of runners.values()) runner.prepareToLeave(at)
  }

  async function leave(patience: AbortSignal, at: number): Promise<void> {
    prepareToLeave(at)
    // A reset, a cancel or another phone must not wait for somebody else's attempt: commands are received meanwhile.
    await finishAttempts(patience)
    stopping.abort()
    prepareToLeave(time.now())
    // One company that cannot be left must not keep the others from it. The shard then counts as not left: its lease goes stale.
    const left = await inParallel([...runners], abreast, ([companyId, runner]) =>
      settled(handOver(companyId, runner, log)),
    )
    for (const each of left) if (each.status === 'rejected') throw each.reason
    runners.clear()
    await waitAtMost(publishWithinMs, Promise.all(publishing), () => undefined, time.after)
    log.info('shard left', { shard, epoch: lease.epoch, companies: left.length })
  }

  const accept = (command: { companyId: string; correlationId: string }) =>
    look(command.companyId, command.correlationId)
  void commandLoop({ inbox: deps.inbox, time, log, accept }, shard, stopping.signal)
  void adopt()

  return {
    sessions: () => [...runners.values()].filter((runner) => runner.isOpen()).length,
    statuses: () => [...runners.values()].flatMap((runner) => runner.sessionStatus() ?? []),
    hasRunningAttempt,
    // Asked twice (told to stop in the middle of a hand-over), both wait for the same sockets.
    leave: (patience, at) => {
      left ??= leave(patience, at)
      return left
    },
    abandon: async () => {
      stopping.abort()
      await Promise.all([...runners.values()].map((runner) => settled(runner.abandon())))
      runners.clear()
    },
  }
}

async function handOver(companyId: string, runner: CompanyRunner, log: Log): Promise<void> {
  try {
    await runner.handOver()
  } catch (error) {
    log.warn('company could not be handed over in good order', { companyId, error })
    await runner.abandon()
  }
}

/** Waits for work whose failure has been logged where it happened. */
async function settled(work: Promise<void>): Promise<PromiseSettledResult<void>> {
  const [outcome] = await Promise.allSettled([work])
  return outcome
}
