/** What leaves: devices are unlinked at WhatsApp, rows are swept. Goes on beside everything else (R7, R11, R14). */
import { unlinkWithinMs } from '#shared/domain/cleanup.ts'
import type { CompanyState, Retired } from '#shared/domain/company.ts'
import type { CompanyDeps } from './deps.ts'
import { type Removal, removeDevice } from './device-removal.ts'
import type { Registration } from './registration.ts'
import { readCredentials } from './stored-credentials.ts'
import { aborted } from './time.ts'
import type { WhatsAppSocket } from './whatsapp-port.ts'
import type { Unlinking, Workshop } from './workshop.ts'

/** A live socket answers at once, or not at all: then another one is opened. */
const liveUnlinkMs = 4000
const sweepAgainMs = 5000

/** Unlinks a retired device, on the session's own socket if that is `live`. */
export async function startUnlink(
  shop: Workshop,
  retired: Retired,
  live: WhatsAppSocket | undefined,
  state: CompanyState,
): Promise<CompanyState> {
  const { companyId, running, deps } = shop
  const { generation } = retired
  const abort = new AbortController()
  const unlinking: Unlinking = { result: undefined, done: Promise.resolve(), abort: () => abort.abort() }
  const work = async () => {
    const result = await unlinkDevice(shop, retired, live, abort.signal)
    if (abort.signal.aborted) return
    deps.log.info('device unlinked', { companyId, generation, reason: retired.reason, result })
    unlinking.result = result
    shop.wake()
  }
  running.unlinks.set(generation, Object.assign(unlinking, { done: work() }))
  return state
}

async function unlinkDevice(
  shop: Workshop,
  { generation, wrappedKey, retiredAt }: Retired,
  live: WhatsAppSocket | undefined,
  signal: AbortSignal,
): Promise<Removal> {
  const { deps, tenure, companyId } = shop
  const deadline = retiredAt + unlinkWithinMs
  if (live && (await unlinkLive(deps, companyId, live, signal)) === 'confirmed') return 'confirmed'
  const credentials = async () => {
    if (wrappedKey === undefined) return undefined
    const read = await readCredentials(deps, tenure, { companyId, generation, wrappedKey })
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

/** Removes the device of a link that was refused, with what is in memory, and what of it was stored (R11). */
export async function undoLink(shop: Workshop, registration: Registration, state: CompanyState): Promise<CompanyState> {
  shop.running.registration = undefined
  await registration.close()
  beginUndo(shop, registration)
  return state
}

/** As `undoLink`, for a registration whose socket has been closed. */
export function beginUndo(shop: Workshop, registration: Registration): void {
  const abort = new AbortController()
  const task = { done: undo(shop, registration, abort.signal), abort: () => abort.abort() }
  shop.undos.add(task)
  task.done.finally(() => shop.undos.delete(task))
}

async function undo(shop: Workshop, registration: Registration, signal: AbortSignal): Promise<void> {
  const { deps, companyId, tenure } = shop
  const { generation, ref, credentials } = registration
  const about = { companyId, attemptId: ref.attemptId, generation }
  const deadline = deps.time.now() + unlinkWithinMs
  const request = { companyId, generation, credentials: async () => credentials, deadline, signal }
  const result = await removeDevice(deps, request)
  deps.log.info('refused link undone', { ...about, result })
  if (generation === undefined || !tenure.isOwner()) return
  try {
    await deps.credentials.sweep({ companyId, generation })
  } catch (error) {
    deps.log.warn('rows of a refused link could not be swept', { ...about, error })
  }
}

/** Deletes the rows of a retired generation. */
export async function startSweep(shop: Workshop, { generation }: Retired, state: CompanyState): Promise<CompanyState> {
  const { companyId, running, deps } = shop
  const sweep = { isDone: false }
  running.sweeps.set(generation, sweep)
  deps.credentials.sweep({ companyId, generation }).then(
    (rows) => {
      deps.log.info('rows swept', { companyId, generation, rows })
      sweep.isDone = true
      shop.wake()
    },
    (error: unknown) => {
      deps.log.warn('sweep failed, trying again', { companyId, generation, error })
      deps.time.after(sweepAgainMs, () => {
        running.sweeps.delete(generation)
        shop.wake()
      })
    },
  )
  return state
}
