/**
 * Cleans up generations that are no longer used (R7, R11, R14). A transition retires a generation: it moves it to the
 * clean-up list of STATE. This file then unlinks the device at WhatsApp and sweeps the rows, and it rolls back links
 * that STATE does not record. It runs beside everything else that the company does.
 *
 * Three files unlink. This one chooses the credentials or the socket, and is the only one that knows STATE. Below it,
 * `unlink-with-retries.ts` logs in as the device and retries for a limited time. Below both, `whatsapp/unlink-device.ts` sends
 * the request on one socket.
 */
import { unlinkWithinMs } from '#shared/domain/company/cleanup.ts'
import type { CompanyState, Retired } from '#shared/domain/company/company.ts'
import { aborted } from '../time.ts'
import type { Credentials, UnlinkResult, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyContext, Unlinking } from './context.ts'
import type { CompanyDeps } from './deps.ts'
import { readCredentials } from './read-credentials.ts'
import type { Registration } from './registration.ts'
import { unlinkWithRetries } from './unlink-with-retries.ts'

/** Longest wait for the answer on an open socket; after that a new socket is opened. */
const openSocketWithinMs = 4000
const sweepRetryMs = 5000

/** The means to unlink a device that this host has at hand: its open socket, or its credentials in memory. */
type DeviceAccess = {
  readonly socket?: WhatsAppSocket
  readonly credentials?: Credentials
  /** The credentials are stored nowhere, so that no other host could unlink the device. */
  readonly isLastCopy?: boolean
}

/**
 * Starts to unlink the device of a retired generation, with what is at hand or else with the stored credentials.
 * Returns the state unchanged; the result is reported by a later step.
 */
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
    deps.log.info('Unlink finished', { companyId, generation, reason: retired.reason, result })
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
): Promise<UnlinkResult> {
  const { deps, lease, companyId } = ctx
  if (socket && (await unlinkOnOpenSocket(deps, companyId, socket, signal)) === 'confirmed') return 'confirmed'
  const credentials = async () => {
    if (inMemory) return inMemory
    if (wrappedKey === undefined) return undefined
    const read = await readCredentials(deps, lease, { companyId, generation, wrappedKey, isExpected: true })
    return typeof read === 'string' ? undefined : read
  }
  const withinMs = Math.min(unlinkWithinMs, retiredAt + unlinkWithinMs - deps.time.now())
  return unlinkWithRetries(deps, { companyId, generation, credentials, withinMs, signal })
}

async function unlinkOnOpenSocket(
  deps: CompanyDeps,
  companyId: string,
  socket: WhatsAppSocket,
  signal: AbortSignal,
): Promise<UnlinkResult> {
  try {
    const removal = await Promise.race([socket.unlink(openSocketWithinMs), aborted(signal)])
    if (!removal) await socket.close()
    return removal ?? 'unconfirmed'
  } catch (error) {
    deps.log.warn('Unlink on the open socket failed', { companyId, error })
    return 'unconfirmed'
  }
}

/**
 * Closes the registration of an ended attempt and starts to unlink the device that it has linked (R11), with the
 * credentials in memory. A link without an entry in the clean-up list (`retired` is undefined) is rolled back.
 */
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
 * Starts to roll back a link that STATE may not record. Its socket must be closed. A write whose answer was lost may
 * have recorded the link after all: then STATE decides about it, and nothing is unlinked here.
 */
export const startRollback = (ctx: CompanyContext, registration: Registration): void =>
  trackRollback(ctx, rollBack(ctx, registration))

/** Lets a hand-over wait for the rollback, and wakes the reconciler afterwards, which may have nothing left to do. */
function trackRollback({ rollbacks, wake }: CompanyContext, done: Promise<void>): void {
  rollbacks.add(done)
  done.finally(() => {
    rollbacks.delete(done)
    wake()
  })
}

async function rollBack(ctx: CompanyContext, registration: Registration): Promise<void> {
  const { deps, companyId } = ctx
  const { ref, generation } = registration.facts()
  const about = { companyId, attemptId: ref.attemptId, generation }
  let isPersisted = false
  const result = await unlinkWithRetries(deps, {
    companyId,
    generation,
    // Read again at each try: without an answer from the store the device must not be unlinked.
    credentials: async () => {
      isPersisted = await isRecorded(ctx, registration)
      return isPersisted ? undefined : registration.credentials
    },
    withinMs: unlinkWithinMs,
    signal: new AbortController().signal,
  })
  if (!isPersisted) deps.log.info('Rollback of the link finished', { ...about, result })
}

/**
 * True when STATE takes care of the link: it is current, or its rows are stored and either the attempt or the clean-up
 * list names it, so that any host can unlink its device. A state of another build counts, too: the link may be current
 * in it, and no accident may end a stored link (R45, R49a).
 */
async function isRecorded({ deps, companyId }: CompanyContext, registration: Registration): Promise<boolean> {
  const { generation } = registration.facts()
  if (generation === undefined) return false
  const { attempt, credentials, cleanup, foreign } = (await deps.companies.read(companyId)).state
  if (foreign) return true
  if (credentials?.generation === generation) return true
  const isPrepared = attempt?.state === 'storing' && attempt.link.generation === generation
  return registration.isStored() && (isPrepared || cleanup.some((retired) => retired.generation === generation))
}

/** Starts to delete the rows of a retired generation. Returns the state unchanged; a later step reports the sweep. */
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
      deps.log.info('Rows swept', { companyId, generation, rows })
      sweep.isDone = true
      ctx.wake()
    },
    (error: unknown) => {
      deps.log.warn('Sweep failed, retrying', { companyId, generation, error })
      deps.time.after(sweepRetryMs, () => {
        running.sweeps.delete(generation)
        ctx.wake()
      })
    },
  )
  return state
}
