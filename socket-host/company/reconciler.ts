/** Runs one company on the host that owns its shard: makes what runs here and what stands in its STATE agree. */
import { randomUUID } from 'node:crypto'
import { isRunning } from '#shared/domain/company/attempt.ts'
import { type CompanyState, isEmpty, type SessionStatus } from '#shared/domain/company/company.ts'
import type { About, WhatsApp } from '../whatsapp/port.ts'
import { companyContext } from './context.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import { leaveCompany, leaveSockets } from './hand-over.ts'
import { nextStep, requeueAt } from './next-step.ts'
import { takeStep } from './take-step.ts'

export type CompanyRunner = {
  /** Reads the company's state and acts on it; resolves when everything it asks for has been taken on. */
  reconcile(correlationId?: string): Promise<void>
  /** Whether an attempt of this host holds the company's mutex; as of the last look. */
  hasAttempt(): boolean
  /** Whether its session is open. */
  isOpen(): boolean
  /** How its session stands, as of the last look; undefined without one. */
  sessionStatus(): SessionStatus | undefined
  /** The company is handed over at that time (epoch ms): what comes too late for it is not taken on. */
  prepareToLeave(at: number): void
  /** Epoch ms until which a request waits that is left to the next host; as of the last look. */
  waitsUntil(): number | undefined
  /** Resolves when clients have been told all that was decided, or cannot be. */
  whenPublished(): Promise<void>
  /** Fails what cannot go on, closes the sockets, flushes, and writes that the session is reconnecting (R28). */
  handOver(): Promise<void>
  /** Closes the sockets and writes nothing: somebody else may own the company by now. */
  abandon(): Promise<void>
}

/** More steps in one go than any company needs: two decisions that keep undoing each other must not spin. */
const maxSteps = 50
const maxRetryMs = 5000

/** `onIdle` is called when nothing is left that the runner is needed for, however that came about. */
export function companyRunner(
  hostDeps: CompanyDeps,
  companyId: string,
  lease: OwnedLease,
  onIdle: () => void,
): CompanyRunner {
  const { time } = hostDeps
  const me = { owner: { hostId: lease.hostId, epoch: lease.epoch }, leavesAt: Number.POSITIVE_INFINITY }
  let correlationId: string = randomUUID()
  let state: CompanyState | undefined
  let isOver = false
  let failures = 0
  let stopTimer = (): void => undefined
  let current: Promise<void> = Promise.resolve()
  let following: Promise<void> | undefined
  // Every line about the company tells which request it goes back to (R37).
  const about = () => ({
    companyId,
    correlationId: state?.attempt?.correlationId ?? correlationId,
    ...(state?.attempt && { attemptId: state.attempt.attemptId }),
  })
  const log = hostDeps.log.child(about)
  const deps = { ...hostDeps, log, whatsApp: whatsAppAbout(hostDeps.whatsApp, about) }

  const ctx = companyContext(deps, companyId, lease, {
    wake: () => {
      // Failures have been logged, and have set the timer that tries again.
      if (!isOver) reconcile().catch(() => undefined)
    },
    correlationId: () => state?.attempt?.correlationId ?? correlationId,
  })

  /** Passes follow one another; all calls during a pass share the next one. */
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
        const step = nextStep(state, ctx.running, me, time.now())
        if (!step) break
        if (steps === maxSteps) throw new Error(`No end to the steps: ${step.do}`)
        state = await takeStep(ctx, step, state)
      }
      failures = 0
      armTimer(state)
      if (isIdle()) onIdle()
    } catch (error) {
      log.warn('company could not be brought up to date, trying again', { companyId, correlationId, error })
      stopTimer = time.after(Math.min(maxRetryMs, 250 * 2 ** failures++), ctx.wake)
      throw error
    }
  }

  function armTimer(reached: CompanyState): void {
    const at = requeueAt(reached, ctx.running)
    if (at !== undefined && !isOver) stopTimer = time.after(Math.max(at - time.now(), 10), ctx.wake)
  }

  /** A pass that is asked for may find something to do. */
  const isIdle = () => state !== undefined && isEmpty(state) && ctx.isIdle() && following === undefined

  /** Ends the passes; the one that runs is waited for. */
  async function stop(): Promise<void> {
    isOver = true
    stopTimer()
    await current.catch(() => undefined)
    stopTimer()
  }

  return {
    reconcile,
    hasAttempt: () => isRunning(state?.attempt) && state.attempt.state !== 'requested',
    isOpen: () => ctx.running.session?.isOpen ?? false,
    sessionStatus: () => state?.session?.status,
    prepareToLeave: (at) => {
      me.leavesAt = at
    },
    waitsUntil: () => {
      const attempt = state?.attempt
      return attempt?.state === 'requested' && attempt.deadline > me.leavesAt ? attempt.deadline : undefined
    },
    whenPublished: () => ctx.decisions.whenPublished(),
    handOver: async () => {
      await stop()
      await leaveCompany(ctx, lease)
    },
    abandon: async () => {
      isOver = true
      stopTimer()
      await leaveSockets(ctx)
    },
  }
}

const whatsAppAbout = (whatsApp: WhatsApp, about: About): WhatsApp => ({
  fresh: () => whatsApp.fresh(),
  persist: (credentials, target) => whatsApp.persist(credentials, target),
  load: (target) => whatsApp.load(target, about),
  open: (credentials, listener) => whatsApp.open(credentials, listener, about),
})
