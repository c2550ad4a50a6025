import * as v from 'valibot'
import { contactNumber } from '../messages/address-book.ts'
import { flaws, type Order } from '../messages/order.ts'
import { senderOf } from '../messages/post-office.ts'
import { send } from '../messages/send.ts'
import type { World } from '../service/world.ts'
import { forDevices } from './devices.ts'
import { group, pacing, phoneNumber, wholeNumber } from './fields.ts'
import { type Body, done, parsed, type Reply, refused } from './reply.ts'

/** A request to send messages to the devices of a phone. */
const Send = v.strictObject({
  kind: v.optional(v.picklist(['direct', 'group', 'status']), 'direct'),
  from: v.optional(
    v.union(
      [phoneNumber, v.pipe(v.array(phoneNumber), v.minLength(1))],
      'from must be a number of 5 to 15 digits, or a list of such',
    ),
  ),
  contacts: v.optional(wholeNumber(1, 10_000)),
  to: v.optional(phoneNumber),
  group: v.optional(group),
  text: v.optional(v.string(), 'Hello'),
  addressing: v.optional(v.picklist(['pn', 'lid']), 'pn'),
  alternative: v.optional(v.boolean(), true),
  unanswered: v.optional(v.boolean(), false),
  flaw: v.optional(v.picklist(flaws)),
  ...pacing,
})

/** A request to send messages, as the control route takes it. */
export type SendRequest = v.InferInput<typeof Send>

/** Sends messages to the devices of a phone, from contacts or from the phone itself. */
export function sendMessages(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Send, body, ({ from, contacts, device, to, group, ratePerSecond, flaw, ...rest }) =>
    forDevices(world, number, device, async (phone, devices) => {
      const senders =
        from === undefined ? Array.from({ length: contacts ?? 0 }, (_, index) => contactNumber(index)) : [from].flat()
      const order: Order = { ...rest, phone, devices, from: senders, to, group, ratePerSecond, flaw }
      if (from === undefined ? contacts === undefined : contacts !== undefined)
        return refused({ field: 'from', message: 'either from or contacts must be given' })
      const problem = problemOf(world, order)
      if (problem) return refused({ field: problem[0], message: problem.join(' ') })
      return done(await send(world, order))
    }),
  )
}

/** Says what a valid request contradicts: the field, and what is wrong with it. */
function problemOf(world: World, order: Order): readonly [string, string] | undefined {
  const { kind, group, from, to, phone, flaw, devices } = order
  if (kind === 'group' && group === undefined) return ['group', 'must be given for messages to a group']
  if (kind !== 'group' && group !== undefined) return ['group', 'is for messages to a group']
  const isOwn = from.includes(phone.number) && kind === 'direct'
  if (isOwn && to === undefined) return ['to', 'must be given for messages of the phone itself']
  if (to !== undefined && !isOwn) return ['to', 'is for direct messages of the phone itself']
  if (flaw === 'unknown-sender-key' && kind === 'direct') return ['flaw', 'unknown-sender-key is for groups']
  if ((flaw === 'unknown-pre-key' || flaw === 'counter-again') && kind !== 'direct')
    return ['flaw', `${flaw} is for direct messages`]
  const hasWritten = (each: string) => devices.every((device) => senderOf(world, each).conversations.get(device)?.last)
  if (flaw === 'counter-again' && !from.every(hasWritten)) return ['flaw', 'counter-again needs an earlier message']
  return undefined
}
