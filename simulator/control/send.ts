import * as v from 'valibot'
import { isBadInput } from '../choice.ts'
import { flaws, type Order } from '../messages/order.ts'
import { senderOf } from '../messages/post-office.ts'
import { send } from '../messages/send.ts'
import { accountOf } from '../phone/phone.ts'
import type { World } from '../service/world.ts'
import { devicesOf } from './devices.ts'
import { type Body, done, parsed, type Reply, refused } from './reply.ts'

const PhoneNumber = v.pipe(v.string('must be a string'), v.regex(/^\d{5,15}$/, 'must be 5 to 15 digits'))
const Count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most))

/** A request to send messages to the devices of a phone. */
const Send = v.strictObject({
  kind: v.optional(v.picklist(['direct', 'group', 'status']), 'direct'),
  from: v.union(
    [PhoneNumber, v.pipe(v.array(PhoneNumber), v.minLength(1))],
    'from must be a number of 5 to 15 digits, or a list of such',
  ),
  to: v.optional(PhoneNumber),
  group: v.optional(v.pipe(v.string(), v.regex(/^\d{5,20}(-\d{5,20})?$/, 'group must be digits, without @g.us'))),
  text: v.optional(v.string(), 'Hello'),
  count: v.optional(Count(100_000), 1),
  ratePerSecond: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(10_000))),
  device: v.optional(v.number()),
  addressing: v.optional(v.picklist(['pn', 'lid']), 'pn'),
  alternative: v.optional(v.boolean(), true),
  unanswered: v.optional(v.boolean(), false),
  flaw: v.optional(v.picklist(flaws)),
  wait: v.optional(v.boolean(), false),
})

/** Sends messages to the devices of a phone, from contacts or from the phone itself. */
export function sendMessages(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Send, body, async ({ from, device, to, group, ratePerSecond, flaw, ...rest }) => {
    const phone = accountOf(world, number)
    const devices = devicesOf(phone, device)
    if (isBadInput(devices)) return refused(devices)
    const order: Order = {
      ...{ ...rest, phone, devices, to, group, ratePerSecond, flaw },
      from: typeof from === 'string' ? [from] : from,
    }
    const problem = problemOf(world, order)
    if (problem) return refused({ field: problem[0], message: `${problem[0]} ${problem[1]}` })
    return done({ phone: phone.number, devices: devices.map(({ id }) => id), ...(await send(world, order)) })
  })
}

/** Says what a valid request contradicts: the field, and what is wrong with it. */
function problemOf(world: World, order: Order): readonly [string, string] | undefined {
  const { kind, group, from, to, phone, flaw, devices } = order
  if (kind === 'group' && group === undefined) return ['group', 'must be given for messages to a group']
  if (kind !== 'group' && group !== undefined) return ['group', 'is for messages to a group']
  const isOwn = from.includes(phone.number)
  if (isOwn && kind === 'direct' && to === undefined) return ['to', 'must be given for messages of the phone itself']
  if (to !== undefined && !(isOwn && kind === 'direct')) return ['to', 'is for direct messages of the phone itself']
  if (flaw === 'unknown-sender-key' && kind === 'direct')
    return ['flaw', 'unknown-sender-key is not for direct messages']
  if ((flaw === 'unknown-pre-key' || flaw === 'counter-again') && kind !== 'direct')
    return ['flaw', `${flaw} is for direct messages`]
  const hasWritten = (each: string) => devices.every((device) => senderOf(world, each).conversations.get(device)?.last)
  if (flaw === 'counter-again' && !from.every(hasWritten)) return ['flaw', 'counter-again needs an earlier message']
  return undefined
}
