import type { Connection } from '../wire/connection.ts'
import type { Phone } from './phone.ts'
import type { LinkOutcome } from './screen.ts'
import type { Registration } from './waiting-companion.ts'

/** The part of the service that a phone needs to link a companion. Phones get it passed in, not imported. */
export type LinkingService = {
  readonly registrations: ReadonlySet<Registration>
  /** Linked devices that one account may have. */
  readonly deviceLimit: number
  readonly timings: PhoneTimings
  /** Makes an accepted companion a device of the account. Resolves when the phone shows the outcome. */
  readonly link: (registration: Registration, acceptance: Acceptance) => Promise<LinkOutcome>
  readonly recordMisuse: (connection: Connection, kind: QrMisuse, detail: string, phone: string) => void
}

/** Time limits of a phone. */
export type PhoneTimings = {
  /** Time in which a phone accepts a code, in ms. WhatsApp Web counts 180 s. */
  readonly codeLifetimeMs: number
  /** Time that a phone waits for companion_finish before it shows that linking failed, in ms. */
  readonly finishTimeoutMs: number
}

/** Violations that only the phone can see, because they show in the QR code. */
type QrMisuse = 'qr-of-other-keys' | 'qr-and-code-on-one-socket'

/** A phone's acceptance of a companion, with which the service makes the companion a device. */
export type Acceptance = {
  readonly phone: Phone
  readonly advSecret: Buffer
  readonly by: 'code' | 'qr'
}
