/** Stored credentials that were altered or deleted: end-to-end case 9 (R9, R47). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credsRow } from '../../socket-host/whatsapp/credentials/signal-keys.ts'
import type { Client } from '../support/client.ts'
import { restartHosts } from '../support/linked-fleet.ts'
import { link, outcomeOf, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { type Item, type Tables, tablesOf } from '../support/tables.ts'

let stage: Stage
let tables: Tables
beforeAll(async () => {
  stage = await startStage({ environment: steadyLeases })
  tables = tablesOf(stage.run)
})
afterAll(async () => {
  tables?.close()
  await stage?.stop()
})

/** Alters those rows of a company's credentials; returns them as they were. */
async function alter(companyId: string, isAltered: (row: Item) => boolean): Promise<readonly Item[]> {
  const rows = (await tables.credentialRows(companyId)).filter((row) => isAltered(row) && bytesOf(row))
  for (const row of rows) await tables.putCredentialRow({ ...row, data: bytesOf(row)?.map(flipLast) })
  return rows
}

const bytesOf = ({ data }: Item) => (data instanceof Uint8Array ? data : undefined)

/** The last byte is of the authentication tag; the first one names the format, and an unknown one is no damage. */
const flipLast = (byte: number, index: number, bytes: Uint8Array) => (index === bytes.length - 1 ? byte ^ 1 : byte)

const isCreds = ({ sk }: Item) => sk === credsRow

async function deleteRows(companyId: string, isDeleted: (row: Item) => boolean): Promise<void> {
  for (const row of (await tables.credentialRows(companyId)).filter(isDeleted)) await tables.deleteCredentialRow(row)
}

/** Restarts the hosts, which then read the stored credentials. Returns the end of the session that they find out. */
async function endOnRestart(client: Client) {
  await restartHosts(stage.run)
  // The session is interrupted by the restart itself.
  expect(await client.next('whatsapp-disconnected')).toMatchObject({ code: 'HOST_UNAVAILABLE', willReconnect: true })
  return client.next('whatsapp-disconnected')
}

describe('corrupt credentials', () => {
  it.each([
    ['altered', (companyId: string) => alter(companyId, isCreds)],
    ['deleted', async (companyId: string) => deleteRows(companyId, isCreds)],
    ['deleted with everything else', async (companyId: string) => deleteRows(companyId, () => true)],
  ])(
    '%s behind our back: found out when the host reads them, and the next request replaces them (R9, R47)',
    async (_how, spoil) => {
      const { companyId, phone } = stage.fresh()
      const client = await link(stage, companyId, phone)
      const { credentials } = await tables.state(companyId)
      await spoil(companyId)
      expect(await endOnRestart(client)).toMatchObject({
        code: 'CREDENTIALS_CONFLICT',
        willReconnect: false,
      })
      expect(await tables.state(companyId)).toMatchObject({ credentials, cleanup: [] })
      expect(await outcomeOf(client, phone)).toBe('connected')
      const { cleanup } = await tables.state(companyId)
      expect(cleanup).toMatchObject([{ generation: credentials?.generation, reason: 'replaced' }])
      await client.close()
    },
  )

  it('none of which opens: more likely a fault of ours, so they stay, and connect when it is mended (R47)', async () => {
    const [one, another] = [stage.fresh(), stage.fresh()]
    const client = await link(stage, one.companyId, one.phone)
    await (await link(stage, another.companyId, another.phone)).close()
    const before = await tables.state(one.companyId)
    const rows = await alter(one.companyId, () => true)
    expect(await endOnRestart(client)).toMatchObject({ code: 'INTERNAL', willReconnect: false })
    // The host reads the credentials of others: a new link would help, and only it would replace the stored one (R9).
    await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: one.phone.number })
    await client.ask('cancel-pairing', 'pairing-cancelled')
    expect(await tables.state(one.companyId)).toMatchObject({ credentials: before.credentials, cleanup: [] })
    for (const row of rows) await tables.putCredentialRow(row)
    await restartHosts(stage.run)
    await client.next('whatsapp-connected')
    expect(await tables.state(one.companyId)).toMatchObject({ credentials: before.credentials, cleanup: [] })
    await client.close()
  })
})
