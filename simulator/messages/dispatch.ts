import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Device } from '../phone/phone.ts'
import { type Answer, type Posting, post } from './box.ts'
import { boxOf, type Mailing } from './post-office.ts'
import { count } from './record.ts'

/** Number and rate of sendings. `wait` waits until every device has answered everything. */
export type Pace = {
  readonly count: number
  readonly ratePerSecond: number | undefined
  readonly wait: boolean
}

/** The ids that were sent, in order. `answers` is empty unless they are waited for. */
export type Sent = {
  readonly ids: readonly string[]
  readonly answers: readonly DeviceAnswer[]
}

export type DeviceAnswer = Answer & { readonly device: number }

/** Sends one stanza to one device and counts it as `kind`. */
export type SendTo = (device: Device, kind: string, stanza: BinaryNode, posting?: Omit<Posting, 'onAnswer'>) => void

/** Messages that are made in one turn of the event loop. */
const atOnce = 20

/**
 * Calls `each` as often as the pace says, with the index and the means to send. `each` returns the id of what it sent.
 * Resolves when the last one is on its way, or answered.
 */
export async function dispatch(
  { mail }: Mailing,
  pace: Pace,
  each: (index: number, send: SendTo) => Promise<string> | string,
): Promise<Sent> {
  const ids: string[] = []
  const answers: Promise<DeviceAnswer>[] = []
  const send: SendTo = (device, kind, stanza, posting) => {
    const box = boxOf(mail, device)
    count(box.record.sent, kind)
    const { promise, resolve } = Promise.withResolvers<DeviceAnswer>()
    if (pace.wait) answers.push(promise)
    post(box, stanza, { ...posting, onAnswer: (answer) => resolve({ device: device.id, ...answer }) })
  }
  const startedAt = performance.now()
  const { signal } = mail.stopped
  for (let index = 0; index < pace.count && !signal.aborted; index++) {
    if (pace.ratePerSecond !== undefined) await untilTime(startedAt + (index * 1000) / pace.ratePerSecond, signal)
    // Thousands at once must not keep the simulator from everything else.
    else if (index % atOnce === atOnce - 1) await nextTurn()
    ids.push(await each(index, send))
  }
  return { ids, answers: pace.wait ? await Promise.all(answers) : [] }
}

async function untilTime(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await delay(ms, undefined, { ref: false, signal }).catch(() => {})
}
