import { setTimeout as delay } from 'node:timers/promises'
import { contactNumber } from '../messages/address-book.ts'
import { type DailyLoad, type PerDay, type PlannedEvent, planDay } from '../messages/daily-load.ts'
import { sendServerSync } from '../messages/notices.ts'
import { send } from '../messages/send.ts'
import type { Device, Phone } from '../phone/phone.ts'
import { sessionKey, type World } from './world.ts'

/** The load of a usual day. `contacts` is the number of each account's contacts and of the members of its group. */
export type LoadOrder = { readonly perDay: PerDay; readonly contacts: number; readonly seed: number }

type Account = { readonly phone: Phone; readonly device: Device }

const firstGroup = 120_363_000_000_000_000n

/** Begins the load of all devices that are linked now and can be written to. It replaces the load that is on. */
export function startDailyLoad(world: World, order: LoadOrder): DailyLoad {
  stopDailyLoad(world)
  const accounts = [...world.phones.values()].flatMap((phone) =>
    phone.devices.filter(({ keys }) => keys).map((device) => ({ phone, device })),
  )
  const load: DailyLoad = {
    stop: new AbortController(),
    accounts: accounts.length,
    events: { direct: 0, group: 0, serverSync: 0, reconnect: 0 },
    maxLatenessMs: 0,
    failures: 0,
    deliveryMs: [],
  }
  world.dailyLoad = load
  void run(world, load, order, accounts)
  return load
}

/** Ends the load that is on, if there is one. Its figures stay until the next one begins. */
export function stopDailyLoad(world: World): void {
  world.dailyLoad?.stop.abort()
}

async function run(world: World, load: DailyLoad, order: LoadOrder, accounts: readonly Account[]): Promise<void> {
  const { signal } = load.stop
  let due = performance.now()
  for (const event of planDay(order.perDay, { accounts: accounts.length, contacts: order.contacts }, order.seed)) {
    due += event.afterMs
    const ms = due - performance.now()
    if (ms > 0) await delay(ms, undefined, { ref: false, signal }).catch(() => {})
    if (signal.aborted) return
    load.maxLatenessMs = Math.max(load.maxLatenessMs, performance.now() - due)
    const account = accounts[event.account]
    if (!account) return
    load.events[event.kind] += 1
    // Not awaited: a device that answers late must not delay the others.
    play(world, load, order, account, event).catch(() => {
      load.failures += 1
    })
  }
}

async function play(
  world: World,
  load: DailyLoad,
  { contacts }: LoadOrder,
  { phone, device }: Account,
  { kind, account, contact }: PlannedEvent,
): Promise<void> {
  const devices = [device]
  if (kind === 'reconnect') {
    world.sessions.get(sessionKey(phone.number, device.id))?.channel.connection.close()
  } else if (kind === 'serverSync') {
    const pace = { count: 1, ratePerSecond: undefined, wait: false }
    await sendServerSync(world, { ...pace, devices, collection: 'regular_high' })
  } else {
    const { answers } = await send(world, {
      ...{ kind, phone, devices, count: 1, ratePerSecond: undefined, wait: true },
      // Contacts of an account are nobody else's.
      from: [contactNumber(account * contacts + contact)],
      group: kind === 'group' ? String(firstGroup + BigInt(account)) : undefined,
      ...{ to: undefined, text: 'Hello', addressing: 'pn', alternative: true, unanswered: false, flaw: undefined },
    })
    load.deliveryMs.push(...answers.filter(({ by }) => by === 'receipt').map(({ afterMs }) => afterMs))
  }
}
