import type { Device, Phone } from '../phone/phone.ts'
import type { Pace } from './dispatch.ts'
import type { Addressing } from './envelope.ts'

/** Ways in which a message cannot be decrypted. */
export const flaws = [
  /** Bytes that no key has made. */
  'garbage',
  /** It begins a session with a pre-key that the device never had. */
  'unknown-pre-key',
  /** The last message of the sender once more, under another id: its key is used up. */
  'counter-again',
  /** A message to a group by a sender who has not told the device its key. */
  'unknown-sender-key',
  /** Nothing is in it, as when the sender's phone leaves companions out. */
  'absent',
] as const

export type Flaw = (typeof flaws)[number]

/** Messages to be sent to devices of one phone. */
export type Order = Pace & {
  readonly phone: Phone
  readonly devices: readonly Device[]
  readonly kind: 'direct' | 'group' | 'status'
  /** Numbers of the senders, who take turns. The number of the phone itself sends to `to`, from another device's view. */
  readonly from: readonly string[]
  readonly to: string | undefined
  readonly group: string | undefined
  readonly text: string
  readonly addressing: Addressing
  readonly alternative: boolean
  /** Repeats the pre-keys in each direct message, as senders do whom the device has never answered. */
  readonly unanswered: boolean
  readonly flaw: Flaw | undefined
}
