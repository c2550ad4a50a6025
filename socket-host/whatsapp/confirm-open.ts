/** Confirmation that a login is open, which Baileys reports too early. */
import type { Log } from './baileys-logger.ts'
import { type BaileysSocket, childOf, server } from './baileys-socket.ts'
import { messageOf, ownClose } from './close-reason.ts'
import type { SocketEnd } from './socket-end.ts'

/** Milliseconds for WhatsApp to answer how many pre-keys of ours it has. */
const preKeyCountMs = 10_000

export type OpenDeps = {
  readonly baileys: Pick<BaileysSocket, 'query'>
  readonly end: SocketEnd
  readonly credentials: { flush(): Promise<void> }
  readonly log: Log
}

/**
 * Calls `onOpened` when the keys are stored and WhatsApp has not lost the device's pre-keys (R42); otherwise fails the
 * socket. `wasRefused` is true when WhatsApp has answered any request with an error.
 */
export async function confirmOpen(
  { baileys, end, credentials, log }: OpenDeps,
  wasRefused: () => boolean,
  onOpened: () => void,
): Promise<void> {
  try {
    await credentials.flush()
    // 0 alone may come from a service that does not count. 0 after an error answer means that the upload failed.
    if ((await countPreKeysAtWhatsApp(baileys)) === 0) {
      if (wasRefused()) return end.fail(ownClose('lost', 'WhatsApp has none of our pre-keys'))
      log.warn({}, 'WhatsApp counts no pre-keys although it refused no upload')
    }
    end.expectNothing()
    onOpened()
  } catch (error) {
    end.fail(ownClose('lost', `not confirmed as open: ${messageOf(error)}`))
  }
}

/**
 * Asks WhatsApp how many pre-keys of this device it has. Baileys reports `open` even if their upload was refused or not
 * answered, and without pre-keys no contact can write to the device.
 */
async function countPreKeysAtWhatsApp({ query }: OpenDeps['baileys']): Promise<number> {
  const request = {
    tag: 'iq',
    attrs: { to: server, type: 'get', xmlns: 'encrypt' },
    content: [{ tag: 'count', attrs: {} }],
  }
  const answer = await query(request, preKeyCountMs)
  if (!answer) throw new Error('WhatsApp did not answer how many pre-keys it has')
  return Number(childOf(answer, 'count')?.attrs['value']) || 0
}
