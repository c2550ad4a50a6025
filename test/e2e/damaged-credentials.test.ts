/** Stored credentials that were altered or deleted: end-to-end case 9 (R9, R47). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credsRow } from '../../socket-host/whatsapp/credentials/signal-keys.ts'
import { link, outcomeOf, type Stage, startStage } from '../support/stage.ts'
import { type Item, type Tables, tablesOf } from '../support/tables.ts'

let stage: Stage
let tables: Tables
beforeAll(async () => {
  // Short leases, because another host must take over soon.
  stage = await startStage({ environment: { LEASE_RENEW_MS: '1000', LEASE_STALE_MS: '9000' } })
  tables = tablesOf(stage.run)
})
afterAll(async () => {
  tables?.close()
  await stage?.stop()
})

/** Kills the host, so that another one reads the stored credentials. */
async function killHost(): Promise<void> {
  const [host] = await stage.run.hosts()
  if (host?.pid) process.kill(host.pid, 'SIGKILL')
}

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
      await killHost()
      expect(await client.next('whatsapp-disconnected')).toMatchObject({
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
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    const { credentials } = await tables.state(companyId)
    const rows = await alter(companyId, () => true)
    await killHost()
    expect(await client.next('whatsapp-disconnected')).toMatchObject({ code: 'INTERNAL', willReconnect: false })
    for (const asked of [phone, stage.fresh().phone]) {
      const refused = await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: asked.number })
      expect(refused).toMatchObject({ code: 'INTERNAL', retryAfter: expect.any(Number) })
    }
    expect(await tables.state(companyId)).toMatchObject({ credentials, cleanup: [] })
    for (const row of rows) await tables.putCredentialRow(row)
    await killHost()
    await client.next('whatsapp-connected')
    expect(await tables.state(companyId)).toMatchObject({ credentials, cleanup: [] })
    await client.close()
  })
})
