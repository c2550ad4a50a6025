/** Port to WhatsApp. `baileys-whatsapp.ts` implements it with Baileys; tests use a fake. */
import type { Close } from '#shared/domain/session/disconnect.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import type { Result } from '#shared/domain/values/result.ts'
import type { GenerationRef } from '#shared/ports.ts'

/** Event of one socket. No event follows `closed`, and none follows a call of `close` or `unlink`. */
export type SocketEvent =
  /**
   * Emitted when WhatsApp offers a QR to show, and again for each one that replaces it. After the first one a code may
   * be requested. `lapsesAt` is epoch ms. Registration only.
   */
  | { readonly type: 'qr'; readonly qr: string; readonly lapsesAt: number }
  /**
   * Emitted when the phone has answered the pairing code (primary_hello); once more for each further try of its owner.
   * It is not known yet whether the typed code was right. Registration only.
   */
  | { readonly type: 'phoneAnswered' }
  /**
   * Emitted when WhatsApp has linked the device (pair-success) and the credentials are linked. WhatsApp closes the
   * socket next. `phone` is undefined when the identity could not be read (R3). Registration only.
   */
  | { readonly type: 'linked'; readonly phone: string | undefined }
  /** Emitted when the account turns out to be protected by a passkey (R23). Registration only. */
  | { readonly type: 'passkeyRequired' }
  /**
   * Emitted when WhatsApp has accepted the login, the keys are stored, and WhatsApp has not refused the device's
   * pre-keys (R42). Login only.
   */
  | { readonly type: 'opened' }
  /** Emitted once, when the socket is gone. `close` says why. */
  | { readonly type: 'closed'; readonly close: Close }

/** Result of removing a linked device. `unconfirmed` means that WhatsApp has not said whether the device is gone. */
export type UnlinkResult = 'confirmed' | 'unconfirmed'

export type WhatsAppSocket = {
  /**
   * Asks for a code, `ABCD-EFGH`, for the phone (digits), and waits until WhatsApp has accepted companion_hello (R17).
   * An error result says why there is no code. Rejects before the first `qr`, and when called a second time.
   */
  requestCode(phone: string): Promise<Result<string, Failure>>
  /**
   * Removes the linked device from the phone's account and closes the socket. Waits at most `timeoutMs` for WhatsApp.
   */
  unlink(timeoutMs: number): Promise<UnlinkResult>
  /** Closes without logging out; resolves when the socket is gone, within a second or two. */
  close(): Promise<void>
}

/** Credentials in use. Opaque to everything but the WhatsApp adapter. */
export type Credentials = {
  /** True after pair-success: `account` present, `me.id` with a device part, `signalIdentities` not empty. */
  isLinked(): boolean
  /** Waits until all changes are stored. Rejects if a read or a write has failed since a socket was last opened. */
  flush(): Promise<void>
}

export type WhatsApp = {
  /** Returns fresh credentials, in memory only, for an attempt (R6). */
  fresh(): Credentials
  /**
   * Stores linked credentials under a new generation, encrypted with its data key. From then on `credentials` writes
   * its changes there. `fenced`: a host of a higher epoch has written, or this host's lease has run out. Rejects when
   * `credentials` is not linked or is stored already, and when the store fails.
   */
  persist(credentials: Credentials, target: StoredTarget): Promise<'written' | 'fenced'>
  /**
   * Reads stored credentials. `damaged`: they are missing or not linked, or altered although the data key opens other
   * rows of the generation. `unreadable`: the fault may be this build's or its settings'. `fenced`: as in `persist`.
   * Rejects when the store fails.
   */
  load(target: StoredTarget, about?: About): Promise<Credentials | 'damaged' | 'unreadable' | 'fenced'>
  /** Does the long computations of the next login ahead, in slices: other work goes on meanwhile (R44, R62). */
  prepare(credentials: Credentials): Promise<void>
  /** Opens a socket: a registration if the credentials are not linked, a login if they are. */
  open(credentials: Credentials, listener: (event: SocketEvent) => void, about?: About): WhatsAppSocket
}

/** Fields for every log line that credentials or a socket cause; evaluated for each line (R37). */
export type About = () => object

/**
 * Generation that credentials are stored under, and the host that stores them. `isOwner` is called before each write,
 * so that a host whose lease has run out writes nothing.
 */
export type StoredTarget = GenerationRef & {
  readonly dataKey: Uint8Array
  readonly epoch: number
  readonly isOwner: () => boolean
}
