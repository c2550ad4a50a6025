import { expect, it } from 'vitest'
import { link, startStage } from '../support/stage.ts'
import { temporary } from '../support/temporary.ts'

it('a linked company is connected again after a restart, without pairing', async () => {
  const dataDir = temporary()
  const before = await startStage({ dataDir })
  const { companyId, phone } = before.fresh()
  const client = await link(before, companyId, phone)
  const { companionHellos } = await phone.look()
  await client.close()
  await before.stop()

  const after = await startStage({ dataDir })
  try {
    const again = await after.client(companyId)
    await expect.poll(async () => (await again.ask('get-status', 'status'))['session']).toBe('connected')
    const report = await after.phone(phone.number).look()
    expect(report).toMatchObject({ companionHellos, devices: [{ online: true }] })
    await again.close()
  } finally {
    await after.stop()
  }
})
