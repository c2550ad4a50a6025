import * as v from 'valibot'
import { boxOf } from '../messages/post-office.ts'
import { type Counts, newRecord } from '../messages/record.ts'
import { startDailyLoad, stopDailyLoad } from '../service/daily-load.ts'
import type { World } from '../service/world.ts'
import { wholeNumber } from './fields.ts'
import { type Body, done, parsed, type Reply } from './reply.ts'

/** A million a day is twelve a second, for each account. */
const perDay = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000)), 0)
const Load = v.strictObject({
  direct: perDay,
  group: perDay,
  serverSync: perDay,
  reconnect: perDay,
  contacts: v.optional(wholeNumber(1, 1000), 5),
  seed: v.optional(wholeNumber(0, 2 ** 31), 1),
})

/** A request for the load of a usual day, as the control route takes it. */
export type LoadRequest = v.InferInput<typeof Load>

/** Begins the load of a usual day on all linked devices. Without any events it only ends the one that is on. */
export function setDailyLoad(world: World, body: Body): Reply | Promise<Reply> {
  return parsed(Load, body, ({ contacts, seed, ...perDay }) => {
    if (Object.values(perDay).some((events) => events > 0)) startDailyLoad(world, { perDay, contacts, seed })
    else stopDailyLoad(world)
    return done(reportDailyLoad(world))
  })
}

/** Returns the figures of the load that was begun last, and the traffic of all devices since the simulator started. */
export function reportDailyLoad({ dailyLoad, phones, mail }: World) {
  const boxes = [...phones.values()].flatMap(({ devices }) => devices.map((device) => boxOf(mail, device)))
  const traffic = newRecord()
  for (const { record } of boxes) {
    traffic.dropped += record.dropped
    traffic.peerMessages += record.peerMessages
    for (const kind of ['sent', 'acks', 'nacks', 'receipts', 'retries', 'requests'] as const)
      addTo(traffic[kind], record[kind])
  }
  const { latestPeerMessages: _, ...sums } = traffic
  return {
    isPlaying: dailyLoad?.stop.signal.aborted === false,
    accounts: dailyLoad?.accounts ?? 0,
    events: dailyLoad?.events ?? { direct: 0, group: 0, serverSync: 0, reconnect: 0 },
    failures: dailyLoad?.failures ?? 0,
    maxLatenessMs: dailyLoad?.maxLatenessMs ?? 0,
    deliveryMs: dailyLoad?.deliveryMs ?? [],
    waiting: boxes.reduce((sum, { waiting }) => sum + waiting.size, 0),
    ...sums,
  }
}

function addTo(sums: Counts, counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
}
