/**
 * Runs one company on the host that owns its shard: takes steps until what runs here agrees with the company's STATE.
 */
import { randomUUID } from 'node:crypto'
import { coalesce } from '#shared/async/coalesce.ts'
import { settled } from '#shared/async/settled.ts'
import { sharedReason } from '#shared/domain/attempt/refusal.ts'
import type { Attempt } from '#shared/domain/company/attempt.ts'
import { type CompanyState, isEmpty, type SessionStatus } from '#shared/domain/company/company.ts'
import type { About, WhatsApp } from '../whatsapp/port.ts'
import { type CompanyContext, companyContext, ownerOf } from './context.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import { closeSockets, handOverCompany } from './hand-over.ts'
import { nextStep, type Running, requeueAt } from './next-step.ts'
import { type RecentState, recentState } from './recent-state.ts'
import { takeStep } from './take-step.ts'

export type Reconciler = {
  /**
   * Reads the company's state and takes steps until none is left. Rejects when a step failed; the reconciler then retries.
   */
  reconcile(correlationId?: string): Promise<void>
  /** The company's attempt, as of its last step. */
  attempt(): Attempt | undefined
  /** True when its session is open. */
  isOpen(): boolean
  /** Status of its session, as of the last pass; undefined without a session. */
  sessionStatus(): SessionStatus | undefined
  /** Resolves when the steps that are under way have ended. Never rejects. */
  whenStepped(): Promise<void>
  /** Resolves when the notices of all decisions so far have been published, or could not be. */
  whenPublished(): Promise<void>
  /** Ends the passes. One that is under way ends after its step. */
  stop(): void
  /** Ends the passes and hands the company over (R28); see `hand-over.ts`. Rejects when that failed. */
  handOver(): Promise<void>
  /** Ends the passes and closes the sockets, and writes nothing: another host may own the company. */
  closeSockets(): Promise<void>
}

/** Limit of steps in a pass, more than any company needs: two steps that revert each other must not loop for ever. */
const maxSteps = 50
const maxRetryMs = 5000
const overdueRetryMs = 250

/** Progress of a company on this host. */
type Progress = {
  readonly seen: RecentState
  /** No pass begins any more, and a running one ends after its step. */
  isOver: boolean
  /** Correlation id of the last command. */
  correlationId: string
}

/** The shard as its companies see it. */
export type ShardView = {
  /** While no pass may begin: resolves when passes may. */
  readonly held: () => Promise<void> | undefined
  readonly handOverAt: () => number
  /** As in `ThisHost`. */
  readonly leavesAt: () => number
}

/** Makes the reconciler of a company. `onIdle` is called at the end of each pass that leaves the reconciler nothing to do. */
export function createReconciler(
  hostDeps: CompanyDeps,
  companyId: string,
  lease: OwnedLease,
  shard: ShardView,
  onIdle: () => void,
): Reconciler {
  const progress: Progress = { seen: recentState(hostDeps, companyId), isOver: false, correlationId: randomUUID() }
  let stepping: Promise<unknown> = Promise.resolve()
  const deps = depsAbout(hostDeps, companyId, progress)
  const ctx = companyContext(deps, companyId, lease, {
    wake: () => void (progress.isOver || passes.request().catch(loggedAndRetried)),
    correlationId: () => correlationOf(progress),
    handOverAt: shard.handOverAt,
  })
  const timer = passTimer(ctx, progress.seen, () => progress.isOver)
  const passes = coalesce(() => timer.retried(pass))

  async function pass(): Promise<void> {
    // Not awaited while it is not held: a hold that began meanwhile would not know of this pass.
    for (let held = shard.held(); held && !progress.isOver; held = shard.held()) await held
    if (progress.isOver || !lease.isOwner()) return
    const taking = takeSteps(ctx, progress, shard)
    stepping = settled(taking)
    const state = await taking
    if (progress.isOver) return
    awaitRecovery(ctx, state)
    timer.set(requeueAt(state, snapshot(ctx.running), { owner: ownerOf(ctx) }))
    // Another pass, if one is requested, may find something to do.
    if (isEmpty(state) && ctx.isIdle() && !passes.isRequested()) onIdle()
  }

  function stop(): void {
    progress.isOver = true
    timer.stop()
    deps.recovery.leave(companyId)
  }

  return {
    reconcile: (correlationId) => {
      noteCommand(progress, correlationId)
      return passes.request()
    },
    attempt: () => progress.seen.latest()?.attempt,
    whenStepped: async () => void (await stepping),
    isOpen: () => ctx.running.session?.facts().phase.is === 'open',
    sessionStatus: () => progress.seen.latest()?.session?.status,
    whenPublished: () => ctx.decisions.whenPublished(),
    stop,
    handOver: async () => {
      stop()
      await passes.settled()
      await handOverCompany(ctx)
    },
    closeSockets: async () => {
      stop()
      await closeSockets(ctx)
    },
  }
}

/** A command tells that its sender has changed STATE. */
function noteCommand(progress: Progress, correlationId = progress.correlationId): void {
  progress.correlationId = correlationId
  progress.seen.expire()
}

/** `retried` has logged the failure and set the timer for a retry. */
const loggedAndRetried = (): void => undefined

/** Takes steps until none is left, or until this host must not go on. Returns the last state. */
async function takeSteps(ctx: CompanyContext, progress: Progress, shard: ShardView): Promise<CompanyState> {
  const { deps, companyId, lease } = ctx
  let state = await progress.seen.current()
  /** True once this pass has read STATE again, or written it. */
  let isFresh = false
  for (let steps = 0; ; steps++) {
    if (progress.isOver || !lease.isOwner()) return state
    ctx.phones.follow(state)
    const mayTryStopped = deps.recovery.mayTry(companyId)
    const host = { owner: ownerOf(ctx), handOverAt: shard.handOverAt(), leavesAt: shard.leavesAt(), mayTryStopped }
    const step = nextStep(state, snapshot(ctx.running), host, deps.time.now())
    if (!step) return state
    if (steps === maxSteps) throw new Error(`No end to the steps: ${step.do}`)
    const from = state
    // Takes a place at the fuse before it writes. A code of the budget is taken after a write only: `restartPairing`.
    if (step.do === 'endSession' && !isFresh) {
      progress.seen.expire()
      state = await progress.seen.current()
      isFresh = true
      continue
    }
    state = await progress.seen.after(() => takeStep(ctx, step, from))
    isFresh ||= state !== from
  }
}

/** Lets a session that ended for a reason that is not its account's, or may have, wait for its turn to try again (R45). */
function awaitRecovery({ deps, companyId, running, wake }: CompanyContext, { session }: CompanyState): void {
  const reason = session && sharedReason(session)
  const isRefused = session?.status === 'logged-out'
  if (!reason) deps.recovery.leave(companyId)
  else if (!running.session)
    deps.recovery.wait(companyId, { reason, wake, ...(isRefused && { refusedAt: session.since }) })
}

/** The timer that starts the next pass: when time alone makes one necessary, or after a failed one. */
function passTimer({ deps, wake }: CompanyContext, seen: RecentState, isOver: () => boolean) {
  const { time, log } = deps
  let failures = 0
  let stopTimer = (): void => undefined

  function wakeIn(ms: number): void {
    stopTimer()
    if (isOver()) return
    stopTimer = time.after(ms, () => {
      seen.expire()
      wake()
    })
  }

  return {
    set: (at: number | undefined) => {
      if (at === undefined) return
      const ms = at - time.now()
      // No step is due although the time has come: a pass at once would find none either, and so on without a pause.
      wakeIn(ms > 0 ? Math.max(ms, 10) : overdueRetryMs)
    },
    /** Runs a pass. Retries it after a failure, later each time, and rejects. */
    retried: async (pass: () => Promise<void>) => {
      stopTimer()
      try {
        await pass()
        failures = 0
      } catch (error) {
        log.warn('Could not reconcile the company, retrying', { error })
        wakeIn(Math.min(maxRetryMs, 250 * 2 ** failures++))
        throw error
      }
    },
    stop: () => stopTimer(),
  }
}

const correlationOf = ({ seen, correlationId }: Progress): string =>
  seen.latest()?.attempt?.correlationId ?? correlationId

/** Snapshot of what runs for the company, for `nextStep`. */
const snapshot = ({ registration, session, unlinks, sweeps }: CompanyContext['running']): Running => ({
  registration: registration?.facts(),
  session: session?.facts(),
  unlinks,
  sweeps,
})

/** Dependencies whose every log line about the company names the request that caused it (R37). */
function depsAbout(deps: CompanyDeps, companyId: string, progress: Progress): CompanyDeps {
  const about = () => {
    const attemptId = progress.seen.latest()?.attempt?.attemptId
    return { companyId, correlationId: correlationOf(progress), ...(attemptId && { attemptId }) }
  }
  return { ...deps, log: deps.log.child(about), whatsApp: whatsAppAbout(deps.whatsApp, about) }
}

/** Adds the log fields of the company to every line that its sockets and credentials cause. */
const whatsAppAbout = (whatsApp: WhatsApp, about: About): WhatsApp => ({
  fresh: () => whatsApp.fresh(),
  persist: (credentials, target) => whatsApp.persist(credentials, target),
  load: (target) => whatsApp.load(target, about),
  prepare: (credentials) => whatsApp.prepare(credentials),
  open: (credentials, listener) => whatsApp.open(credentials, listener, about),
})
