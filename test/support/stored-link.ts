/** Links of companies, sessions that WhatsApp stops, and requests of their owners, for tests of stored links. */
import { expect } from 'vitest'
import type { Client, Frame } from './client.ts'
import { link, type Phone, type Stage } from './stage.ts'
import type { Tables } from './tables.ts'

export type Linked = { readonly companyId: string; readonly phone: Phone; readonly client: Client }

/** Links a new company. */
export async function linkedOn(stage: Stage): Promise<Linked> {
  const { companyId, phone } = stage.fresh()
  return { companyId, phone, client: await link(stage, companyId, phone) }
}

/** Returns what would be different if the link had been lost or made anew. */
export async function linkIn(tables: Tables, { companyId, phone }: Pick<Linked, 'companyId' | 'phone'>) {
  const { credentials, cleanup } = await tables.state(companyId)
  const { devices } = await phone.look()
  return { generation: credentials?.generation, cleanup, devices: devices.map(({ device }) => device) }
}

/** Breaks the connection, and lets WhatsApp answer the logins that follow like that. Returns the end of the session. */
export async function stopBy({ phone, client }: Linked, behaviour: string, parameters: object = {}): Promise<Frame> {
  await phone.behave(behaviour, parameters)
  await phone.disrupt('cut')
  expect(await client.next('whatsapp-disconnected')).toMatchObject({
    code: 'WHATSAPP_UNAVAILABLE',
    willReconnect: true,
  })
  const end = await client.next('whatsapp-disconnected')
  expect(end).toMatchObject({ willReconnect: false })
  return end
}

export const ask = (client: Client, phone: Phone) =>
  client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
export const askInVain = (client: Client, phone: Phone) =>
  client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })

/** An answer to a request that has started nothing. */
export async function refusedAtOnce(client: Client, phone: Phone, code: string): Promise<number> {
  const before = (await phone.look()).companionHellos
  const refused = await askInVain(client, phone)
  expect(refused).toMatchObject({ code, retryAfter: expect.any(Number) })
  expect(refused).not.toHaveProperty('attemptId')
  expect((await phone.look()).companionHellos).toBe(before)
  return Number(refused['retryAfter'])
}

/** Epoch ms at which the event was sent. */
export const timeOf = (frame: Frame | undefined): number => Date.parse(String(frame?.['at']))
