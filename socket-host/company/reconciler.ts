/**
 * Runs one company on the host that owns its shard: takes steps until what runs here agrees with the company's STATE.
 */
import { randomUUID } from 'node:crypto'
import { isRunning } from '#shared/domain/company/attempt.ts'
import { type CompanyState, isEmpty, type SessionStatus } from '#shared/domain/company/company.ts'
import type { About, WhatsApp } from '../whatsapp/port.ts'
import { type CompanyContext, companyContext } from './context.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import { closeSockets, handOverCompany } from './hand-over.ts'
import { nextStep, type Running, requeueAt } from './next-step.ts'
import { takeStep } from './take-step.ts'

export type Reconciler = {
  /**
   * Reads the company's state and takes steps until none is left. Rejects when a step failed; the reconciler then retries.
   */
  reconcile(correlationId?: string): Promise<void>
  /** True when an accepted attempt of the company is running, as of the last pass. */
  hasAttempt(): boolean
  /** True when its session is open. */
  isOpen(): boolean
  /** Status of its session, as of the last pass; undefined without a session. */
  sessionStatus(): SessionStatus | undefined
  /** Plans the hand-over for that time (epoch ms). A request whose deadline is later is left to the successor. */
  setHandOverAt(at: number): void
  /** Deadline (epoch ms) of a request that is left to the successor, as of the last pass; undefined without one. */
  deferredUntil(): number | undefined
  /** Resolves when the notices of all decisions so far have been published, or could not be. */
  whenPublished(): Promise<void>
  /** Ends the passes and hands the company over (R28); see `hand-over.ts`. Rejects when that failed. */
  handOver(): Promise<void>
  /** Ends the passes and closes the sockets, and writes nothing: another host may own the company. */
  closeSockets(): Promise<void>
}

/** Limit of steps in a pass, more than any company needs: two steps that revert each other must not loop for ever. */
const maxSteps = 50
const maxRetryMs = 5000

/** Makes the reconciler of a company. `onIdle` is called at the end of each pass that leaves the reconciler nothing to do. */
export function createReconciler(
  hostDeps: CompanyDeps,
  companyId: string,
  lease: OwnedLease,
  onIdle: () => void,
): Reconciler {
  const { time } = hostDeps
  const host = { owner: { hostId: lease.hostId, epoch: lease.epoch }, handOverAt: Number.POSITIVE_INFINITY }
  let correlationId: string = randomUUID()
  let state: CompanyState | undefined
  let isOver = false
  let failures = 0
  let stopTimer = (): void => undefined
  let current: Promise<void> = Promise.resolve()
  let following: Promise<void> | undefined
  // Every log line about the company names the request that caused it (R37).
  const about = () => ({
    companyId,
    correlationId: state?.attempt?.correlationId ?? correlationId,
    ...(state?.attempt && { attemptId: state.attempt.attemptId }),
  })
  const log = hostDeps.log.child(about)
  const deps = { ...hostDeps, log, whatsApp: whatsAppAbout(hostDeps.whatsApp, about) }

  const ctx = companyContext(deps, companyId, lease, {
    wake: () => {
      // `pass` has logged the failure and set the timer for a retry.
      if (!isOver) reconcile().catch(() => undefined)
    },
    correlationId: () => state?.attempt?.correlationId ?? correlationId,
  })

  /** Runs passes one after the other. All calls during a pass share the next one. */
  function reconcile(correlation?: string): Promise<void> {
    if (correlation !== undefined) correlationId = correlation
    following ??= current
      .catch(() => undefined)
      .then(() => {
        following = undefined
        current = pass()
        return current
      })
    return following
  }

  async function pass(): Promise<void> {
    if (isOver || !lease.isOwner()) return
    stopTimer()
    try {
      state = (await deps.companies.read(companyId)).state
      for (let steps = 0; !isOver && lease.isOwner(); steps++) {
        const step = nextStep(state, snapshot(ctx.running), host, time.now())
        if (!step) break
        if (steps === maxSteps) throw new Error(`No end to the steps: ${step.do}`)
        state = await takeStep(ctx, step, state)
      }
      failures = 0
      armTimer(state)
      if (isIdle()) onIdle()
    } catch (error) {
      log.warn('Could not reconcile the company, retrying', { companyId, correlationId, error })
      stopTimer = time.after(Math.min(maxRetryMs, 250 * 2 ** failures++), ctx.wake)
      throw error
    }
  }

  function armTimer(reached: CompanyState): void {
    const at = requeueAt(reached, snapshot(ctx.running))
    if (at !== undefined && !isOver) stopTimer = time.after(Math.max(at - time.now(), 10), ctx.wake)
  }

  /** False while another pass is requested, which may find something to do. */
  const isIdle = () => state !== undefined && isEmpty(state) && ctx.isIdle() && following === undefined

  /** Ends the passes and waits for the one that is running. */
  async function stop(): Promise<void> {
    isOver = true
    stopTimer()
    await current.catch(() => undefined)
    stopTimer()
  }

  return {
    reconcile,
    hasAttempt: () => isRunning(state?.attempt) && state.attempt.state !== 'requested',
    isOpen: () => ctx.running.session?.facts().phase.is === 'open',
    sessionStatus: () => state?.session?.status,
    setHandOverAt: (at) => {
      host.handOverAt = at
    },
    deferredUntil: () => {
      const attempt = state?.attempt
      return attempt?.state === 'requested' && attempt.deadline > host.handOverAt ? attempt.deadline : undefined
    },
    whenPublished: () => ctx.decisions.whenPublished(),
    handOver: async () => {
      await stop()
      await handOverCompany(ctx, lease)
    },
    closeSockets: async () => {
      isOver = true
      stopTimer()
      await closeSockets(ctx)
    },
  }
}

/** Snapshot of what runs for the company, for `nextStep`. */
const snapshot = ({ registration, session, unlinks, sweeps }: CompanyContext['running']): Running => ({
  registration: registration?.facts(),
  session: session?.facts(),
  unlinks,
  sweeps,
})

/** Adds the log fields of the company to every line that its sockets and credentials cause. */
const whatsAppAbout = (whatsApp: WhatsApp, about: About): WhatsApp => ({
  fresh: () => whatsApp.fresh(),
  persist: (credentials, target) => whatsApp.persist(credentials, target),
  load: (target) => whatsApp.load(target, about),
  open: (credentials, listener) => whatsApp.open(credentials, listener, about),
})
