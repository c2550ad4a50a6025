/** Acts of a company that is busy beside others (R62). Each act goes on until it is stopped. */
import { setTimeout as pause } from 'node:timers/promises'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import type { SendRequest } from '../../simulator/control/send.ts'
import type { Client } from '../support/client.ts'
import { fleetOf } from '../support/fleet.ts'
import type { Linked } from '../support/linked-fleet.ts'
import { type Neighbour, phoneOf } from './neighbour-probes.ts'
import type { SlowRows } from './slow-rows.ts'

export type ActScene = {
  readonly neighbour: Neighbour
  readonly rows: SlowRows
  /** A linked company that is busy, and its host. */
  readonly busy: Linked
  readonly host: HostView
}

export type Act = {
  readonly name: string
  /** Starts the act. `done` describes what it has done, after `stop`. */
  readonly begin: (scene: ActScene) => Promise<{ stop: () => Promise<void>; done: () => string }>
}

const slowMs = 3_000
/**
 * Messages a second of a flood, and requests a second. More would show how much this machine's tables and functions can
 * take, which share its cores with the hosts.
 */
const messagesPerSecond = Number(process.env['BENCH_FLOOD'] ?? 20)
const requestsPerSecond = 10
const clientsAtOnce = 3

/** Repeats a piece of work until it is stopped. */
function repeating(work: () => Promise<number>, what: string) {
  let isOver = false
  let count = 0
  const running = (async () => {
    while (!isOver) count += await work()
  })()
  const stop = async () => {
    isOver = true
    await running
  }
  return { stop, count: () => count, done: () => `${count} ${what}` }
}

/** A flood of messages of one kind. */
const flood = (name: string, order: SendRequest, perSecond = messagesPerSecond): Act => ({
  name,
  begin: async ({ neighbour: { stage }, busy }) =>
    repeating(async () => {
      await phoneOf(stage, busy).send({ from: strangers(20), ...order, count: perSecond, ratePerSecond: perSecond })
      return perSecond
    }, 'messages'),
})

/** Numbers of contacts that nobody measures. */
const strangers = (count: number): string[] => Array.from({ length: count }, (_, index) => `7903${1_000_000 + index}`)

/** Sends the company messages while each of its requests to DynamoDB takes three seconds. */
const whileSlow = (name: string, from: (scene: ActScene) => string): Act => ({
  name,
  begin: async (scene) => {
    const { neighbour, rows, busy } = scene
    const before = rows.delayed()
    rows.delay(busy.companyId, slowMs)
    const sending = repeating(async () => {
      await phoneOf(neighbour.stage, busy).send({ from: from(scene), count: 5, ratePerSecond: 5 })
      return 5
    }, 'messages')
    const stop = async () => {
      await sending.stop()
      rows.delay(undefined)
    }
    const done = () => `${sending.done()}, ${rows.delayed() - before} requests delayed by ${slowMs} ms`
    return { stop, done }
  },
})

/** Requests of a company without a link. */
const requesting = (name: string, work: (client: Client, phone: string) => Promise<unknown>): Act => ({
  name,
  begin: async ({ neighbour: { stage }, host }) => {
    const { companyId, phone } = fleetOf(stage).freshOn(host)
    const loops = await Promise.all(
      Array.from({ length: clientsAtOnce }, async () => {
        const client = await stage.client(companyId)
        const requests = repeating(async () => {
          await Promise.all([work(client, phone.number), pause((clientsAtOnce * 1000) / requestsPerSecond)])
          return 1
        }, '')
        return { ...requests, stop: () => requests.stop().then(client.close) }
      }),
    )
    const stop = async () => void (await Promise.all(loops.map((loop) => loop.stop())))
    return { stop, done: () => `${loops.reduce((sum, { count }) => sum + count(), 0)} requests` }
  },
})

/** Clients that connect, ask for the status and go. */
const connecting: Act = {
  name: 'connections',
  begin: async ({ neighbour: { stage }, busy }) =>
    repeating(async () => {
      const clients = await Promise.all(Array.from({ length: clientsAtOnce }, () => stage.client(busy.companyId)))
      await Promise.all(clients.map((client) => client.ask('get-status', 'status')))
      await Promise.all(clients.map((client) => client.close()))
      return clients.length
    }, 'connections'),
}

export const acts: readonly Act[] = [
  flood('messages', {}),
  flood('group messages', { kind: 'group', group: '120363000000000001' }),
  flood('undecryptable messages', { flaw: 'garbage' }),
  whileSlow('slow rows', () => strangers(1)[0] ?? ''),
  whileSlow('slow rows of a contact of both', ({ neighbour: { contact } }) => contact),
  {
    name: 'address book',
    begin: async ({ neighbour: { stage }, busy }) =>
      repeating(async () => {
        await phoneOf(stage, busy).addressBook({ contacts: 10_000, wait: true })
        return 1
      }, 'address books of 10,000'),
  },
  requesting('resets', (client) => client.ask('reset-whatsapp-credentials', 'credentials-reset')),
  requesting('repeated requests', async (client, phoneNumber) =>
    client.send({ action: 'request-pairing-code', phoneNumber }),
  ),
  connecting,
]
