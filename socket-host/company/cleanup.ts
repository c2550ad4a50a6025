/** What leaves: devices are unlinked at WhatsApp, rows are swept. Goes on beside everything else (R7, R11, R14). */
import { unlinkWithinMs } from '#shared/domain/company/cleanup.ts'
import type { CompanyState, Retired } from '#shared/domain/company/company.ts'
import { aborted } from '../time.ts'
import type { Credentials, Removal, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyContext, Unlinking } from './context.ts'
import type { CompanyDeps } from './deps.ts'
import { unlinkDevice } from './device-removal.ts'
import { readCredentials } from './read-credentials.ts'
import type { Registration } from './registration.ts'

/** A live socket answers at once, or not at all: then another one is opened. */
const openSocketWithinMs = 4000
const sweepRetryMs = 5000

/** What this host still has of a device that is to be unlinked: its open socket, or its credentials in memory. */
type DeviceAccess = {
  readonly socket?: WhatsAppSocket
  readonly credentials?: Credentials
  /** They stand nowhere else: no other host can do it. */
  readonly isLastCopy?: boolean
}

/** Unlinks a retired device: with what is at hand, else with what is stored. */
export async function startUnlink(
  ctx: CompanyContext,
  retired: Retired,
  access: DeviceAccess,
  state: CompanyState,
): Promise<CompanyState> {
  const { companyId, running, deps } = ctx
  const { generation } = retired
  const abort = new AbortController()
  const { isLastCopy = false } = access
  const unlinking: Unlinking = { isLastCopy, result: undefined, done: Promise.resolve(), abort: () => abort.abort() }
  const work = async () => {
    const result = await unlinkRetired(ctx, retired, access, abort.signal)
    if (abort.signal.aborted) return
    deps.log.info('device unlinked', { companyId, generation, reason: retired.reason, result })
    unlinking.result = result
    ctx.wake()
  }
  running.unlinks.set(generation, Object.assign(unlinking, { done: work() }))
  if (isLastCopy) trackRollback(ctx, unlinking.done)
  return state
}

async function unlinkRetired(
  ctx: CompanyContext,
  { generation, wrappedKey, retiredAt }: Retired,
  { socket, credentials: inMemory }: DeviceAccess,
  signal: AbortSignal,
): Promise<Removal> {
  const { deps, lease, companyId } = ctx
  const deadline = retiredAt + unlinkWithinMs
  if (socket && (await unlinkOnOpenSocket(deps, companyId, socket, signal)) === 'confirmed') return 'confirmed'
  const credentials = async () => {
    if (inMemory) return inMemory
    if (wrappedKey === undefined) return undefined
    const read = await readCredentials(deps, lease, { companyId, generation, wrappedKey })
    return typeof read === 'string' ? undefined : read
  }
  return unlinkDevice(deps, { companyId, generation, credentials, deadline, signal })
}

async function unlinkOnOpenSocket(
  deps: CompanyDeps,
  companyId: string,
  socket: WhatsAppSocket,
  signal: AbortSignal,
): Promise<Removal> {
  try {
    const removal = await Promise.race([socket.unlink(openSocketWithinMs), aborted(signal)])
    if (!removal) await socket.close()
    return removal ?? 'unconfirmed'
  } catch (error) {
    deps.log.warn('unlinking on the live socket failed', { companyId, error })
    return 'unconfirmed'
  }
}

/** Removes the device of a link whose attempt has ended, with what is in memory (R11). */
export async function unlinkRegistration(
  ctx: CompanyContext,
  registration: Registration,
  retired: Retired | undefined,
  state: CompanyState,
): Promise<CompanyState> {
  ctx.running.registration = undefined
  await registration.close()
  const { credentials } = registration
  if (retired) return startUnlink(ctx, retired, { credentials, isLastCopy: !registration.isStored() }, state)
  startRollback(ctx, registration)
  return state
}

/**
 * Undoes a link that stands nowhere, so that only this host can; its socket has been closed. An install may have been
 * written although nobody heard of it: then the link is the company's, and stays.
 */
export const startRollback = (ctx: CompanyContext, registration: Registration): void =>
  trackRollback(ctx, rollBack(ctx, registration))

/** Whoever leaves the company waits for it; then the runner may have nothing left to do. */
function trackRollback({ rollbacks, wake }: CompanyContext, done: Promise<void>): void {
  rollbacks.add(done)
  done.finally(() => {
    rollbacks.delete(done)
    wake()
  })
}

async function rollBack(ctx: CompanyContext, registration: Registration): Promise<void> {
  const { deps, companyId } = ctx
  const { generation, ref } = registration
  const about = { companyId, attemptId: ref.attemptId, generation }
  let isInState = false
  const result = await unlinkDevice(deps, {
    companyId,
    generation,
    // Asked anew at each try: the store may be away just now.
    credentials: async () => {
      isInState = await isRecorded(ctx, registration)
      return isInState ? undefined : registration.credentials
    },
    deadline: deps.time.now() + unlinkWithinMs,
    signal: new AbortController().signal,
  })
  if (!isInState) deps.log.info('refused link undone', { ...about, result })
}

/** Whether the link is current, or stands where whoever looks at the company next finds it and what was stored of it. */
async function isRecorded({ deps, companyId }: CompanyContext, registration: Registration): Promise<boolean> {
  const { generation } = registration
  if (generation === undefined) return false
  const { attempt, credentials, cleanup } = (await deps.companies.read(companyId)).state
  if (credentials?.generation === generation) return true
  const isPrepared = attempt?.state === 'storing' && attempt.link.generation === generation
  return registration.isStored() && (isPrepared || cleanup.some((retired) => retired.generation === generation))
}

/** Deletes the rows of a retired generation. */
export async function startSweep(
  ctx: CompanyContext,
  { generation }: Retired,
  state: CompanyState,
): Promise<CompanyState> {
  const { companyId, running, deps } = ctx
  const sweep = { isDone: false }
  running.sweeps.set(generation, sweep)
  deps.credentials.sweep({ companyId, generation }).then(
    (rows) => {
      deps.log.info('rows swept', { companyId, generation, rows })
      sweep.isDone = true
      ctx.wake()
    },
    (error: unknown) => {
      deps.log.warn('sweep failed, trying again', { companyId, generation, error })
      deps.time.after(sweepRetryMs, () => {
        running.sweeps.delete(generation)
        ctx.wake()
      })
    },
  )
  return state
}
