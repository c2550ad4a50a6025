/** What leaves: devices are unlinked at WhatsApp, rows are swept. Goes on beside everything else (R7, R11, R14). */
import { unlinkWithinMs } from '#shared/domain/company/cleanup.ts'
import type { CompanyState, Retired } from '#shared/domain/company/company.ts'
import { aborted } from '../time.ts'
import type { Credentials, Removal, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyContext, Unlinking } from './context.ts'
import type { CompanyDeps } from './deps.ts'
import { removeDevice } from './device-removal.ts'
import { readCredentials } from './read-credentials.ts'
import type { Registration } from './registration.ts'

/** A live socket answers at once, or not at all: then another one is opened. */
const liveUnlinkMs = 4000
const sweepAgainMs = 5000

/** What this host still has of a device that is to be unlinked: its open socket, or its credentials in memory. */
type AtHand = {
  readonly socket?: WhatsAppSocket
  readonly credentials?: Credentials
  /** They stand nowhere else: no other host can do it. */
  readonly isLastCopy?: boolean
}

/** Unlinks a retired device: with what is at hand, else with what is stored. */
export async function startUnlink(
  ctx: CompanyContext,
  retired: Retired,
  atHand: AtHand,
  state: CompanyState,
): Promise<CompanyState> {
  const { companyId, running, deps } = ctx
  const { generation } = retired
  const abort = new AbortController()
  const { isLastCopy = false } = atHand
  const unlinking: Unlinking = { isLastCopy, result: undefined, done: Promise.resolve(), abort: () => abort.abort() }
  const work = async () => {
    const result = await unlinkDevice(ctx, retired, atHand, abort.signal)
    if (abort.signal.aborted) return
    deps.log.info('device unlinked', { companyId, generation, reason: retired.reason, result })
    unlinking.result = result
    ctx.wake()
  }
  running.unlinks.set(generation, Object.assign(unlinking, { done: work() }))
  if (isLastCopy) seeThrough(ctx, unlinking.done)
  return state
}

async function unlinkDevice(
  ctx: CompanyContext,
  { generation, wrappedKey, retiredAt }: Retired,
  { socket, credentials: inMemory }: AtHand,
  signal: AbortSignal,
): Promise<Removal> {
  const { deps, lease, companyId } = ctx
  const deadline = retiredAt + unlinkWithinMs
  if (socket && (await unlinkLive(deps, companyId, socket, signal)) === 'confirmed') return 'confirmed'
  const credentials = async () => {
    if (inMemory) return inMemory
    if (wrappedKey === undefined) return undefined
    const read = await readCredentials(deps, lease, { companyId, generation, wrappedKey })
    return typeof read === 'string' ? undefined : read
  }
  return removeDevice(deps, { companyId, generation, credentials, deadline, signal })
}

async function unlinkLive(
  deps: CompanyDeps,
  companyId: string,
  socket: WhatsAppSocket,
  signal: AbortSignal,
): Promise<Removal> {
  try {
    const removal = await Promise.race([socket.unlink(liveUnlinkMs), aborted(signal)])
    if (!removal) await socket.close()
    return removal ?? 'unconfirmed'
  } catch (error) {
    deps.log.warn('unlinking on the live socket failed', { companyId, error })
    return 'unconfirmed'
  }
}

/** Removes the device of a link whose attempt has ended, with what is in memory (R11). */
export async function undoLink(
  ctx: CompanyContext,
  registration: Registration,
  retired: Retired | undefined,
  state: CompanyState,
): Promise<CompanyState> {
  ctx.running.registration = undefined
  await registration.close()
  const { credentials } = registration
  if (retired) return startUnlink(ctx, retired, { credentials, isLastCopy: !registration.isStored() }, state)
  beginUndo(ctx, registration)
  return state
}

/**
 * Undoes a link that stands nowhere, so that only this host can; its socket has been closed. An install may have been
 * written although nobody heard of it: then the link is the company's, and stays.
 */
export const beginUndo = (ctx: CompanyContext, registration: Registration): void =>
  seeThrough(ctx, undo(ctx, registration))

/** Whoever leaves the company waits for it; then the runner may have nothing left to do. */
function seeThrough({ undos, wake }: CompanyContext, done: Promise<void>): void {
  undos.add(done)
  done.finally(() => {
    undos.delete(done)
    wake()
  })
}

async function undo(ctx: CompanyContext, registration: Registration): Promise<void> {
  const { deps, companyId } = ctx
  const { generation, ref } = registration
  const about = { companyId, attemptId: ref.attemptId, generation }
  let isTheirs = false
  const result = await removeDevice(deps, {
    companyId,
    generation,
    // Asked anew at each try: the store may be away just now.
    credentials: async () => {
      isTheirs = await standsInState(ctx, registration)
      return isTheirs ? undefined : registration.credentials
    },
    deadline: deps.time.now() + unlinkWithinMs,
    signal: new AbortController().signal,
  })
  if (!isTheirs) deps.log.info('refused link undone', { ...about, result })
}

/** Whether the link is current, or stands where whoever looks at the company next finds it and what was stored of it. */
async function standsInState({ deps, companyId }: CompanyContext, registration: Registration): Promise<boolean> {
  const { generation } = registration
  if (generation === undefined) return false
  const { attempt, credentials, cleanup } = (await deps.companies.read(companyId)).state
  if (credentials?.generation === generation) return true
  const isNoted = attempt?.state === 'storing' && attempt.link.generation === generation
  return registration.isStored() && (isNoted || cleanup.some((retired) => retired.generation === generation))
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
      deps.time.after(sweepAgainMs, () => {
        running.sweeps.delete(generation)
        ctx.wake()
      })
    },
  )
  return state
}
