/** One shard while this host owns it: its commands, its companies, and how it is left. */
import type { SessionStatus } from '#shared/domain/company.ts'
import type { Log } from '#shared/log.ts'
import { type CommandInbox, commandLoop } from './command-loop.ts'
import { type CompanyRunner, companyRunner } from './company-runner.ts'
import type { CompanyDeps, Tenure } from './deps.ts'
import { pause } from './time.ts'

export type ShardDeps = CompanyDeps & { readonly inbox: CommandInbox }

export type ShardHost = {
  /** Sessions that are open. */
  sessions(): number
  /** How the session of each company stands that has one. */
  statuses(): readonly SessionStatus[]
  hasRunningAttempt(): boolean
  /** Takes nothing new on, gives running attempts until `patience` aborts, then leaves every company in good order. */
  leave(patience: AbortSignal): Promise<void>
  /** Closes every socket and writes nothing. */
  abandon(): Promise<void>
}

const pageSize = 100
/** Companies that are looked at, or left, at the same time. */
const abreast = 16
/** While a shard is being left its commands are not received: its runners look for themselves. */
const lookAgainMs = 1000
const walkAgainMs = 1000

export function hostShard(deps: ShardDeps, shard: number, tenure: Tenure): ShardHost {
  const { time, log } = deps
  const runners = new Map<string, CompanyRunner>()
  const stopping = new AbortController()
  let isLeaving = false
  let left: Promise<void> | undefined

  /** Runners stay as long as there is something to run. */
  async function look(companyId: string, correlationId?: string): Promise<void> {
    const known = runners.get(companyId)
    if (!known && stopping.signal.aborted) throw new Error('The shard is being left')
    const runner = known ?? companyRunner(deps, companyId, tenure)
    if (!known) runners.set(companyId, runner)
    if (isLeaving) runner.prepareToLeave()
    await runner.reconcile(correlationId)
    if (runner.isIdle() && runners.get(companyId) === runner) runners.delete(companyId)
  }

  const isCurrent = () => !stopping.signal.aborted && tenure.isOwner()

  /** Finds every company of the shard: their predecessors' sockets are gone, their sessions come up again. */
  async function walk(): Promise<void> {
    let after: string | undefined
    do {
      const page = await deps.companies.companiesOf(shard, { limit: pageSize, ...(after !== undefined && { after }) })
      await eachOf(page.companyIds, abreast, async (companyId) => {
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
        if (isCurrent()) return log.info('shard adopted', { shard, epoch: tenure.epoch, companies: runners.size })
      } catch (error) {
        log.warn('companies of a shard could not be listed, trying again', { shard, error })
        await pause(time, walkAgainMs, stopping.signal)
      }
    }
  }

  const hasRunningAttempt = () => [...runners.values()].some((runner) => runner.hasAttempt())

  async function finishAttempts(patience: AbortSignal): Promise<void> {
    while (hasRunningAttempt() && !patience.aborted && tenure.isOwner()) {
      await pause(time, lookAgainMs, patience)
      await eachOf(
        [...runners.values()].filter((runner) => runner.hasAttempt()),
        abreast,
        (runner) => settled(runner.reconcile()),
      )
    }
  }

  async function leave(patience: AbortSignal): Promise<void> {
    isLeaving = true
    stopping.abort()
    for (const runner of runners.values()) runner.prepareToLeave()
    await finishAttempts(patience)
    const companies = await eachOf([...runners.entries()], abreast, ([companyId, runner]) =>
      handOver(companyId, runner, log),
    )
    runners.clear()
    log.info('shard left', { shard, epoch: tenure.epoch, companies })
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
    leave: (patience) => {
      left ??= leave(patience)
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
async function settled(work: Promise<void>): Promise<void> {
  await Promise.allSettled([work])
}

/** Runs an action for each item, some at a time; says for how many. */
async function eachOf<T>(items: readonly T[], width: number, act: (item: T) => Promise<void>): Promise<number> {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await act(next.value)
  }
  await Promise.all(Array.from({ length: width }, worker))
  return items.length
}
