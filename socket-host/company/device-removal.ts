/** Removes a linked device from its phone's account: of a retired generation, or of a link that was refused (R8, R11). */
import { backOffMs, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { aborted, pause } from '../time.ts'
import type { Credentials, Removal, SocketEvent } from '../whatsapp/port.ts'
import type { CompanyDeps } from './deps.ts'

export type UnlinkRequest = {
  readonly companyId: string
  readonly generation: string | undefined
  /** Credentials of the device; undefined when they cannot be had: nothing more can be done. */
  readonly credentials: () => Promise<Credentials | undefined>
  /** Wall clock, epoch ms. */
  readonly deadline: number
  /** Closes what is open and gives up. */
  readonly signal: AbortSignal
}

/** Logs in as the device and unlinks it, again and again until WhatsApp has answered or the time is up. */
export async function unlinkDevice(deps: CompanyDeps, request: UnlinkRequest): Promise<Removal> {
  const { signal, deadline, companyId, generation } = request
  for (let failures = 0; !signal.aborted && deps.time.now() < deadline; failures++) {
    try {
      const credentials = await request.credentials()
      if (!credentials) return 'unconfirmed'
      const removal = await logInAndUnlink(deps, credentials, request)
      if (removal !== 'retry') return removal
    } catch (error) {
      deps.log.warn('unlinking failed, trying again', { companyId, generation, error })
    }
    await pause(deps.time, Math.min(backOffMs(failures, deps.random()), deadline - deps.time.now()), signal)
  }
  return 'unconfirmed'
}

async function logInAndUnlink(
  deps: CompanyDeps,
  credentials: Credentials,
  { deadline, signal }: UnlinkRequest,
): Promise<Removal | 'retry'> {
  const turn = Promise.withResolvers<void>()
  const leaveQueue = deps.pacing.enter('restart', turn.resolve)
  const overdue = new AbortController()
  const cancelTimer = deps.time.after(deadline - deps.time.now(), () => overdue.abort())
  const given = AbortSignal.any([signal, overdue.signal])
  try {
    await Promise.race([turn.promise, aborted(given)])
    if (given.aborted) return 'unconfirmed'
    const heard = Promise.withResolvers<SocketEvent>()
    const socket = deps.whatsApp.open(credentials, (event) => {
      if (event.type === 'opened' || event.type === 'closed') heard.resolve(event)
    })
    const event = await Promise.race([heard.promise, aborted(given)])
    if (event?.type === 'closed') return afterClose(event.close.reason)
    if (event?.type === 'opened' && !given.aborted) {
      const removal = await Promise.race([socket.unlink(Math.max(1, deadline - deps.time.now())), aborted(given)])
      if (removal) return removal
    }
    await socket.close()
    return 'unconfirmed'
  } finally {
    cancelTimer()
    leaveQueue()
  }
}

/** A device that WhatsApp does not let in any more (401) has been removed already. */
function afterClose(reason: keyof typeof sessionVerdicts): Removal | 'retry' {
  const verdict = sessionVerdicts[reason].do
  if (verdict === 'retire') return 'confirmed'
  return verdict === 'stop' ? 'unconfirmed' : 'retry'
}
