import type { Device, Phone } from '../phone/phone.ts'
import { notification, nowSeconds, stanza } from '../wire/stanzas.ts'
import { dispatch, type Pace, type Sent } from './dispatch.ts'
import { groupJid, pnOf } from './envelope.ts'
import { type Mailing, newMessageId } from './post-office.ts'

/** Receipts for the devices of a phone. */
export type ReceiptOrder = Omit<Pace, 'count'> & {
  readonly phone: Phone
  readonly devices: readonly Device[]
  readonly from: string
  readonly type: string
  /** Ids of messages, one receipt each. */
  readonly ids: readonly string[]
  readonly group: string | undefined
}

/** Notices that a collection of the account's app state has changed. */
export type SyncOrder = Pace & {
  readonly devices: readonly Device[]
  readonly collection: string
}

/**
 * Sends receipts for messages: those of a contact, or, with `read-self`, that another device of the account has read
 * what the contact wrote.
 */
export function sendReceipts(mailing: Mailing, order: ReceiptOrder): Promise<Sent> {
  const { ids, devices } = order
  return dispatch(mailing, { ...order, count: ids.length }, (index, send) => {
    const id = ids[index] ?? ''
    const attrs = { ...addressOf(order), id, t: nowSeconds(), ...(order.type !== 'delivered' && { type: order.type }) }
    for (const device of devices) send(device, 'receipt', stanza('receipt', attrs))
    return id
  })
}

/** Says that a collection has changed. WhatsApp does so after each change on another device. */
export function sendServerSync(mailing: Mailing, order: SyncOrder): Promise<Sent> {
  return dispatch(mailing, order, (index, send) => {
    const version = String(index + 1)
    const notice = notification('server_sync', stanza('collection', { name: order.collection, version }))
    for (const device of order.devices) send(device, 'server-sync', notice)
    return notice.attrs['id'] ?? ''
  })
}

/** Makes ids for receipts of messages that the simulator does not know. */
export const someIds = (count: number): string[] => Array.from({ length: count }, newMessageId)

function addressOf({ phone, from, type, group }: ReceiptOrder): Record<string, string> {
  if (group !== undefined) return { from: groupJid(group), participant: pnOf(from) }
  return type === 'read-self' ? { from: pnOf(phone.number), recipient: pnOf(from) } : { from: pnOf(from) }
}
