import type { KeyPair } from '../crypto/x25519.ts'
import type { SigningKey } from '../crypto/xeddsa.ts'
import type { SimulatorEvent } from '../events.ts'
import type { Phone } from '../phone/phone.ts'
import type { Condition } from './conditions.ts'
import type { Registration } from './registration.ts'
import type { Session } from './session.ts'
import type { ViolationLog } from './violations.ts'

/** How long the people and machines of the simulation wait. */
export interface Timings {
  /** How long a phone takes a code for valid. WhatsApp Web counts 180 s. */
  readonly codeLifetimeMs: number
  /** How long a phone waits for the companion to finish, before it says that linking failed. */
  readonly finishTimeoutMs: number
  /** How long the service waits for the new device's signature. */
  readonly signatureTimeoutMs: number
}

/** Everything that the simulated service knows. */
export interface World {
  readonly rootKey: SigningKey
  readonly staticKey: KeyPair
  /** The static key's certificate, made once: signing is the dearest part of a handshake. */
  readonly certificate: Buffer
  readonly timings: Timings
  /** Linked devices that one account may have. */
  readonly deviceLimit: number
  readonly phones: Map<string, Phone>
  /** Clients that are not linked, while they are connected. */
  readonly registrations: Set<Registration>
  /** Linked devices that are online, by {@link sessionKey}. */
  readonly sessions: Map<string, Session>
  readonly violations: ViolationLog
  /** `unanswered` counts WebSocket upgrades that are left hanging. */
  readonly traffic: { connections: number; open: number; unanswered: number }
  /** For every client that has none of its own. */
  condition: Condition
  /** For single clients, by their names. */
  readonly conditions: Map<string, Condition>
  readonly tell: (event: SimulatorEvent) => void
  /** Asks for the state to be written soon. */
  readonly save: () => void
}

/** The name under which a device's session is kept. */
export function sessionKey(phone: string, device: number): string {
  return `${phone}:${device}`
}
