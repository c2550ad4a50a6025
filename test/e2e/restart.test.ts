import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { link, startStage } from './stage.ts'

it('a linked company is connected again after a restart, without pairing', async () => {
  const data = await mkdtemp(join(tmpdir(), 'pairplane-'))
  try {
    const before = await startStage({ dataDir: data })
    const { companyId, phone } = before.fresh()
    const client = await link(before, companyId, phone)
    const { companionHellos } = await phone.look()
    await client.close()
    await before.stop()

    const after = await startStage({ dataDir: data })
    try {
      const again = await after.client(companyId)
      await expect.poll(async () => (await again.ask('get-status', 'status'))['session']).toBe('connected')
      const report = await after.phone(phone.number).look()
      expect(report).toMatchObject({ companionHellos, devices: [{ online: true }] })
      await again.close()
    } finally {
      await after.stop()
    }
  } finally {
    await rm(data, { recursive: true, force: true })
  }
})
