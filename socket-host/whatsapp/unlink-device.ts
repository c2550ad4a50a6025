/**
 * Unlinks a device on one socket that is logged in or about to be. `company/unlink-with-retries.ts`, above, opens sockets for
 * it and retries; `company/cleanup.ts`, above that, decides which devices are unlinked.
 */
import { waitAtMost } from '#shared/async/time-limit.ts'
import { isUnlinkedBy } from '#shared/domain/session/disconnect.ts'
import { type BaileysSocket, type Stanza, server } from './baileys-socket.ts'
import { ownClose } from './close-reason.ts'
import type { UnlinkResult } from './port.ts'
import type { SocketEnd } from './socket-end.ts'

export type UnlinkDeps = {
  readonly baileys: BaileysSocket
  readonly end: SocketEnd
  readonly loggedIn: Promise<void>
  /** Identity of the device, with its device part. */
  readonly identity: string
}

/**
 * Removes the device and ends the socket; `unconfirmed` after `timeoutMs`. It asks as soon as the login is accepted,
 * without waiting for the bring-up, which may upload 812 pre-keys. WhatsApp confirms by an answer, by closing with
 * "device removed", or by not knowing the device at the login.
 */
export async function unlinkDevice(
  { baileys, end, loggedIn, identity }: UnlinkDeps,
  timeoutMs: number,
): Promise<UnlinkResult> {
  const ended = end.gone.then(({ reason }): UnlinkResult => (isUnlinkedBy(reason) ? 'confirmed' : 'unconfirmed'))
  const asked = loggedIn.then(async (): Promise<UnlinkResult> => {
    const answer = await baileys.query(removeCompanionDevice(identity), timeoutMs).catch(() => undefined)
    // Refused or interrupted: the reason of the close decides.
    return answer ? 'confirmed' : ended
  })
  try {
    return await waitAtMost(timeoutMs, Promise.race([asked, ended]), () => 'unconfirmed')
  } finally {
    end.fail(ownClose('closed', 'unlinked'))
    await end.gone
  }
}

const removeCompanionDevice = (jid: string): Stanza => ({
  tag: 'iq',
  attrs: { to: server, type: 'set', xmlns: 'md' },
  content: [{ tag: 'remove-companion-device', attrs: { jid, reason: 'user_initiated' } }],
})
