/**
 * Unlinks a device by logging in as it, with retries for a limited time (R8, R11). `cleanup.ts`, above, decides which
 * device and with which credentials; `whatsapp/unlink-device.ts`, below, sends the request on the socket that is opened
 * here.
 */
import { backOffMs, type CloseReason, isUnlinkedBy, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { aborted, pause } from '../time.ts'
import type { Credentials, SocketEvent, UnlinkResult } from '../whatsapp/port.ts'
import type { CompanyDeps } from './deps.ts'

export type UnlinkRequest = {
  readonly companyId: string
  readonly generation: string | undefined
  /** Returns the credentials of the device, asked for at each try; undefined ends the tries as `unconfirmed`. */
  readonly credentials: () => Promise<Credentials | undefined>
  /** Milliseconds after which the tries end, however the wall clock is set meanwhile. */
  readonly withinMs: number
  /** Closes the socket and ends the tries. */
  readonly signal: AbortSignal
}

/**
 * Logs in as the device and unlinks it; retries with back-off until WhatsApp has answered or the time is over.
 */
export async function unlinkWithRetries(deps: CompanyDeps, request: UnlinkRequest): Promise<UnlinkResult> {
  const { signal, companyId, generation } = request
  const deadline = deps.time.monotonic() + request.withinMs
  const leftMs = () => deadline - deps.time.monotonic()
  for (let failures = 0; !signal.aborted && leftMs() > 0; failures++) {
    try {
      const credentials = await request.credentials()
      if (!credentials) return 'unconfirmed'
      const removal = await logInAndUnlink(deps, credentials, leftMs, signal)
      if (removal !== 'retry') return removal
    } catch (error) {
      deps.log.warn('Unlink failed, retrying', { companyId, generation, error })
    }
    await pause(deps.time, Math.min(backOffMs(failures, deps.random()), leftMs()), signal)
  }
  return 'unconfirmed'
}

async function logInAndUnlink(
  deps: CompanyDeps,
  credentials: Credentials,
  leftMs: () => number,
  signal: AbortSignal,
): Promise<UnlinkResult | 'retry'> {
  const turn = Promise.withResolvers<void>()
  const leaveQueue = deps.pacing.enter('unlink', turn.resolve)
  const overdue = new AbortController()
  const cancelTimer = deps.time.after(leftMs(), () => overdue.abort())
  const given = AbortSignal.any([signal, overdue.signal])
  try {
    // A link that never logged in uploads its pre-keys even in the login that removes it.
    await Promise.race([turn.promise.then(() => deps.whatsApp.prepare(credentials)), aborted(given)])
    if (given.aborted) return 'unconfirmed'
    const heard = Promise.withResolvers<SocketEvent>()
    const socket = deps.whatsApp.open(credentials, (event) => {
      if (event.type === 'opened' || event.type === 'closed') heard.resolve(event)
    })
    const event = await Promise.race([heard.promise, aborted(given)])
    if (event?.type === 'closed') return afterClose(event.close.reason)
    if (event?.type === 'opened' && !given.aborted) {
      const removal = await Promise.race([socket.unlink(Math.max(1, leftMs())), aborted(given)])
      if (removal) return removal
    }
    await socket.close()
    return 'unconfirmed'
  } finally {
    cancelTimer()
    leaveQueue()
  }
}

/** Judges a close before the login. A device that WhatsApp no longer knows is already unlinked. */
function afterClose(reason: CloseReason): UnlinkResult | 'retry' {
  if (isUnlinkedBy(reason)) return 'confirmed'
  return sessionVerdicts[reason].do === 'stop' ? 'unconfirmed' : 'retry'
}
