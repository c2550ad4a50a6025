import type { Sent } from '../messages/dispatch.ts'
import type { reportMessages } from './message-report.ts'
import type { BookRequest, ReceiptRequest, SyncRequest } from './notices.ts'
import type { Control } from './reply.ts'
import type { SendRequest } from './send.ts'

/** Traffic of a device: its messages, its answers, and its requests. */
export type DeviceTraffic = ReturnType<typeof reportMessages>['devices'][number]

/** The phone of an account, as tests and benchmarks use it. Requests that are refused reject. */
export type MessagingPhone = {
  send(order: SendRequest): Promise<Sent>
  receipts(order: ReceiptRequest): Promise<Sent>
  serverSync(order?: SyncRequest): Promise<Sent>
  addressBook(order: BookRequest): Promise<Sent>
  /** Leaves these requests of the devices without an answer; none ends that. */
  leaveUnanswered(...xmlns: string[]): Promise<void>
  /** By device id. */
  traffic(): Promise<ReadonlyMap<number, DeviceTraffic>>
}

/** Makes the messages of a phone available over the control routes, in this process or over HTTP. */
export function messagingPhone(control: Control, number: string): MessagingPhone {
  const ask = async <Result>(method: string, action: string, body?: unknown): Promise<Result> => {
    const reply = await control(method, `/simulator/phones/${number}/${action}`, body)
    if (reply.status !== 200) throw new Error(`${method} ${action}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body as Result
  }
  return {
    send: (order) => ask('POST', 'send', order),
    receipts: (order) => ask('POST', 'receipts', order),
    serverSync: (order = {}) => ask('POST', 'server-sync', order),
    addressBook: (order) => ask('POST', 'address-book', order),
    leaveUnanswered: (...xmlns) => ask('PUT', 'unanswered', { xmlns }),
    traffic: async () => {
      const { devices } = await ask<ReturnType<typeof reportMessages>>('GET', 'messages')
      return new Map(devices.map((each) => [each.device, each]))
    },
  }
}
