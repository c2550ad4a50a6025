import * as v from 'valibot'
import { sendAddressBook } from '../messages/address-book.ts'
import { sendReceipts, sendServerSync, someIds } from '../messages/notices.ts'
import { accountOf } from '../phone/phone.ts'
import type { World } from '../service/world.ts'
import { forDevices } from './devices.ts'
import { group, pacing, phoneNumber, wholeNumber } from './fields.ts'
import { type Body, done, parsed, type Reply, refused } from './reply.ts'

const Receipts = v.strictObject({
  from: phoneNumber,
  type: v.optional(v.picklist(['delivered', 'read', 'played', 'read-self']), 'delivered'),
  ids: v.optional(v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.minLength(1))),
  group: v.optional(group),
  ...pacing,
})
const collections = ['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular'] as const
const Sync = v.strictObject({ collection: v.optional(v.picklist(collections), 'regular_high'), ...pacing })
const Book = v.strictObject({
  contacts: v.optional(wholeNumber(0, 10_000), 0),
  keys: v.optional(wholeNumber(0, 100), 1),
  device: pacing.device,
  wait: pacing.wait,
})
const Unanswered = v.strictObject({ xmlns: v.array(v.string()) })

export type ReceiptRequest = v.InferInput<typeof Receipts>
export type SyncRequest = v.InferInput<typeof Sync>
export type BookRequest = v.InferInput<typeof Book>

/** Sends receipts for messages to the devices of a phone. */
export function receipts(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Receipts, body, ({ device, count, ids = someIds(count), group, ratePerSecond, ...rest }) =>
    forDevices(world, number, device, async (phone, devices) => {
      if (rest.type === 'read-self' && group !== undefined)
        return refused({ field: 'group', message: 'group is not for read-self' })
      return done(await sendReceipts(world, { ...rest, phone, devices, ids, group, ratePerSecond }))
    }),
  )
}

/** Tells the devices of a phone that a collection of the app state has changed. */
export function serverSync(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Sync, body, ({ device, ratePerSecond, ...rest }) =>
    forDevices(world, number, device, async (_, devices) =>
      done(await sendServerSync(world, { ...rest, devices, ratePerSecond })),
    ),
  )
}

/** Sends the address book and the keys of the app state from the phone to its devices. */
export function addressBook(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Book, body, ({ device, ...rest }) =>
    forDevices(world, number, device, async (phone, devices) =>
      done(await sendAddressBook(world, { ...rest, phone, devices })),
    ),
  )
}

/** Leaves some requests of an account's devices without an answer, from now on. */
export function leaveUnanswered(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Unanswered, body, ({ xmlns }) => {
    const phone = accountOf(world, number)
    world.mail.unanswered.set(phone.number, xmlns)
    return done({ phone: phone.number, xmlns })
  })
}
