/** Probes of a company on a host that others share: each measures one kind of wait of its owner, in ms. */
import { setTimeout as pause } from 'node:timers/promises'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import { type MessagingPhone, messagingPhone } from '../../simulator/control/messages-client.ts'
import { fleetOf } from '../support/fleet.ts'
import type { Linked } from '../support/linked-fleet.ts'
import type { Stage } from '../support/stage.ts'

/** Kinds of waiting that are measured. */
export const probeKinds = ['code', 'reset', 'status', 'decrypt'] as const
export type ProbeKind = (typeof probeKinds)[number]

export type Samples = Record<ProbeKind, number[]>
export const noSamples = (): Samples => ({ code: [], reset: [], status: [], decrypt: [] })

/**
 * Time between two probes of a kind, in ms: so long that a laptop, whose functions, tables and WhatsApp share the cores
 * with the hosts, has time to spare.
 */
export const everyMs: Readonly<Record<ProbeKind, number>> = { code: 1000, reset: 2000, status: 300, decrypt: 250 }

export type Neighbour = {
  readonly stage: Stage
  /** The host on which everything is measured. */
  readonly host: HostView
  /** Linked company that receives the measured messages. */
  readonly reader: Linked
  /** The contact who sends them. */
  readonly contact: string
  /** Returns a linked company of the host that nothing has used; it is reset once. */
  readonly spare: () => Linked
}

/**
 * Measures all kinds side by side for `ms`, and adds to `samples`. Each probe begins when it is due, whether or not the
 * last one is over: one that waited for it would hide that all of them are late.
 */
export async function measure(neighbour: Neighbour, ms: number, samples: Samples): Promise<void> {
  const until = performance.now() + ms
  await Promise.all(
    probeKinds.map(async (kind) => {
      const running: Promise<unknown>[] = []
      for (let due = performance.now(); due < until; due += everyMs[kind]) {
        await pause(Math.max(0, due - performance.now()))
        running.push(probes[kind](neighbour).then((elapsed) => samples[kind].push(elapsed)))
      }
      await Promise.all(running)
    }),
  )
}

const probes: Readonly<Record<ProbeKind, (neighbour: Neighbour) => Promise<number>>> = {
  code: async ({ stage, host }) => {
    const { companyId, phone } = fleetOf(stage).freshOn(host)
    const client = await stage.client(companyId)
    const ms = await timed(() => client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number }))
    await client.ask('cancel-pairing', 'pairing-cancelled')
    await client.close()
    return ms
  },
  reset: async ({ stage, spare }) => {
    const client = await stage.client(spare().companyId)
    const ms = await timed(() => client.ask('reset-whatsapp-credentials', 'credentials-reset'))
    await client.close()
    return ms
  },
  status: ({ stage, reader: { companyId } }) =>
    timed(async () => {
      const { status } = await stage.http('GET', `/api/whatsapp/sessions/${companyId}`, { companyId })
      if (status !== 200) throw new Error(`the status was answered with ${status}`)
    }),
  decrypt: ({ stage, reader, contact }) =>
    timed(async () => {
      const sent = await phoneOf(stage, reader).send({ from: contact, wait: true })
      if (sent.answers.some(({ by }) => by !== 'receipt')) throw new Error('a message was not decrypted')
    }),
}

/** Returns the phone of a company, by which its contacts write. */
export function phoneOf({ run: { simulator } }: Stage, { phone }: Linked): MessagingPhone {
  if (!simulator) throw new Error('only the simulated WhatsApp sends messages')
  return messagingPhone(simulator.control, phone)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
