/** What the host needs of WhatsApp; `whatsapp.ts` provides it with Baileys, tests with a fake. */
import type { Close } from '#shared/domain/session/disconnect.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import type { Result } from '#shared/domain/values/result.ts'
import type { GenerationRef } from '#shared/ports.ts'

/** What happens on one socket. After `closed` nothing more comes. */
export type SocketEvent =
  /** A QR to show; the first one also says that a code may be asked for. `lapsesAt` is epoch ms. */
  | { readonly type: 'qr'; readonly qr: string; readonly lapsesAt: number }
  /** The phone has answered the code (primary_hello): right or wrong is not known yet. */
  | { readonly type: 'phoneAnswered' }
  /** Pair-success: WhatsApp has linked the device. `phone` is undefined when the identity could not be read. */
  | { readonly type: 'linked'; readonly phone: string | undefined }
  /** The account is gated by a passkey (R23). */
  | { readonly type: 'passkeyRequired' }
  /** Logged in, keys stored and uploaded (R42). */
  | { readonly type: 'opened' }
  | { readonly type: 'closed'; readonly close: Close }

/** WhatsApp's word on the removal of a linked device, if it said anything. */
export type Removal = 'confirmed' | 'unconfirmed'

export type WhatsAppSocket = {
  /**
   * Asks for a code, `ABCD-EFGH`, and waits for WhatsApp's answer to companion_hello (R17). Only after the first `qr`, once a
   * socket.
   */
  requestCode(phone: string): Promise<Result<string, Failure>>
  /** Removes the linked device from the phone's account; says whether WhatsApp confirmed it. Ends the socket. */
  unlink(timeoutMs: number): Promise<Removal>
  /** Closes without logging out; resolves when the socket is gone, within a second or two. Emits nothing more. */
  close(): Promise<void>
}

/** Credentials in use: opaque to all but the WhatsApp adapter. */
export type Credentials = {
  /** Whether pair-success has happened: `account` present, `me.id` with a device, `signalIdentities` not empty. */
  isLinked(): boolean
  /** Waits until everything that was to be stored is stored; rejects when something could not be. */
  flush(): Promise<void>
}

export type WhatsApp = {
  /** Fresh credentials in memory, for an attempt (R6). */
  fresh(): Credentials
  /**
   * Writes linked credentials under a new generation, encrypted with its key, and makes `credentials` write there from
   * now on. `fenced` when the epoch is no longer the highest.
   */
  persist(credentials: Credentials, target: StoredTarget): Promise<'written' | 'fenced'>
  /** Stored credentials. `corrupt`: unreadable, incomplete or not linked. */
  load(target: StoredTarget, about?: About): Promise<Credentials | 'absent' | 'corrupt' | 'fenced'>
  /** Opens a socket: registration for credentials that are not linked, login for those that are. */
  open(credentials: Credentials, listener: (event: SocketEvent) => void, about?: About): WhatsAppSocket
}

/** What stands in every log line that credentials or a socket cause, asked for at each line (R37). */
export type About = () => object

/** Where and as whom credentials are stored. `isOwner` is asked before each write: a lease that ran out stores nothing. */
export type StoredTarget = GenerationRef & {
  readonly dataKey: Uint8Array
  readonly epoch: number
  readonly isOwner: () => boolean
}
