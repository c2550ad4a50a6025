import type { KeyPair } from '../crypto/x25519.ts'
import type { SigningKey } from '../crypto/xeddsa.ts'
import type { DailyLoad } from '../messages/daily-load.ts'
import type { PostOffice } from '../messages/post-office.ts'
import type { PhoneTimings } from '../phone/linking-service.ts'
import type { Device, Phone, PhoneDirectory } from '../phone/phone.ts'
import type { Registration } from '../phone/waiting-companion.ts'
import type { Channel } from '../wire/channel.ts'
import type { ConditionsInForce } from './conditions.ts'
import type { SimulatorEvent } from './events.ts'
import type { ViolationLog } from './violations.ts'

/** Time limits of phones and of the service. */
export type Timings = PhoneTimings & {
  /** Time that the service waits for the new device's signature, in ms. */
  readonly signatureTimeoutMs: number
}

/** Everything that the simulated service knows. */
export type World = PhoneDirectory &
  ConditionsInForce & {
    readonly rootKey: SigningKey
    readonly staticKey: KeyPair
    /** The certificate of the static key. Made once, because signing is the most expensive part of a handshake. */
    readonly certificate: Buffer
    readonly timings: Timings
    /** Linked devices that one account may have. */
    readonly deviceLimit: number
    /** Clients that are not linked, while they are connected. */
    readonly registrations: Set<Registration>
    /** Linked devices that are online, by {@link sessionKey}. */
    readonly sessions: Map<string, Session>
    readonly violations: ViolationLog
    readonly mail: PostOffice
    /** The load that was begun last; undefined before the first one. */
    dailyLoad: DailyLoad | undefined
    /** `unanswered` counts WebSocket upgrades that the condition `upgrade-hangs` left without an answer. */
    readonly traffic: { connections: number; open: number; unanswered: number }
    readonly emit: (event: SimulatorEvent) => void
  }

/** A linked device that is online. */
export type Session = {
  readonly phone: Phone
  readonly device: Device
  readonly channel: Channel
  /** True when the device has finished its bring-up. */
  isUp: boolean
  /** Time of the last stanza, in monotonic ms. `longestSilenceMs` is the longest time without one before that. */
  lastReceivedAt: number
  longestSilenceMs: number
}

/** The key of a device's session in `sessions`. */
export function sessionKey(phone: string, device: number): string {
  return `${phone}:${device}`
}

/** The longest time, up to now, in which a device has sent nothing, in ms. Baileys sends a keep-alive every 30 s. */
export const silenceOf = ({ lastReceivedAt, longestSilenceMs }: Session): number =>
  Math.max(longestSilenceMs, performance.now() - lastReceivedAt)
