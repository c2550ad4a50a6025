import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { type ControlServer, serveControl } from '../../simulator/control/http.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { linkedCompanion } from '../support/linked-companion.ts'
import { whatsAppView } from '../support/linked-fleet.ts'
import { connect, newAuth, phoneReport } from './companion.ts'

let simulator: Simulator
let http: ControlServer
beforeAll(async () => {
  simulator = await startSimulator()
  http = await serveControl(simulator, 0)
})
afterAll(async () => {
  await http.close()
  await simulator.close()
})

const key = '00'.repeat(32)
const companion = { noiseKey: key, identityKey: key, advSecret: key, preKeys: 45, lastPreKey: 812 }

describe('a device that is linked without a companion on the line', () => {
  it('logs in with the real Baileys, has its pre-keys, and breaks no rule', async () => {
    const number = '79001234567'
    const { creds, keys } = await linkedCompanion(`${http.url}/simulator`, number)
    const auth = { ...newAuth(), creds }
    await auth.keys.set(keys)
    const { opened, sock } = connect(simulator, auth)
    await opened
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [{ online: true, preKeys: 45, logins: 1 }] })
    const { violations, longestSilenceMs } = await whatsAppView(http)
    expect(violations.counts).toEqual({})
    expect(longestSilenceMs).toBeGreaterThan(0)
    await sock.end(undefined)
  })

  it('is written to only if its keys are known', async () => {
    const number = '79001234569'
    const path = `/simulator/phones/${number}`
    await simulator.control('POST', `${path}/link-device`, companion)
    expect(await simulator.control('POST', `${path}/send`, { from: '79161234567' })).toMatchObject({
      status: 400,
      body: { field: 'device', message: 'the device was linked without keys' },
    })
  })

  test.each([
    ['noiseKey', 'zz'],
    ['identityKey', undefined],
    ['advSecret', '00'],
    ['preKeys', -1],
    ['lastPreKey', 'many'],
    ['keys', 'none'],
  ])('needs a %s that is not %s', async (field, value) => {
    const body = { ...companion, [field]: value }
    expect(await simulator.control('POST', '/simulator/phones/79001234568/link-device', body)).toMatchObject({
      status: 400,
      body: { field },
    })
  })
})
