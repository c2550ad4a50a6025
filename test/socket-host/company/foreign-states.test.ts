/** A host whose company gets a state of a newer build: it goes on with what runs, and decides nothing (R49a). */
import { describe, expect, test } from 'vitest'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { parseState } from '#shared/dynamo/company/company-schema.ts'
import { companyId, companyRig } from '../support/company-rig.ts'

/** The state with a status of the session that only a newer build knows, as this build reads it. */
const foreign = (state: CompanyState): CompanyState =>
  parseState({ ...state, session: { ...state.session, status: 'dozing' } })

async function linkedRig() {
  const s = companyRig()
  await s.linked()
  const known = s.state()
  const writes = s.companies.writes.length
  s.companies.put(companyId, foreign(known))
  return { ...s, known, decided: () => s.companies.writes.length - writes }
}

describe('a linked company whose state is not understood', () => {
  test('keeps its open session, and no decision is made', async () => {
    const s = await linkedRig()
    await s.look()
    await s.clock.advance(200_000)
    expect(s.whatsApp.live('login')).toHaveLength(1)
    expect([s.decided(), s.eventNames()]).toEqual([0, []])
  })

  test('keeps its credentials when WhatsApp says that the device is gone', async () => {
    const s = await linkedRig()
    s.whatsApp.last().drop('removed')
    await s.clock.advance(200_000)
    expect(s.state()).toMatchObject({ foreign: true, credentials: s.known.credentials })
    expect(s.decided()).toBe(0)
    expect(s.swept).toEqual([])
  })

  test('is not opened by another host, whose passes end', async () => {
    const s = await linkedRig()
    await s.reconciler.handOver()
    s.takeOver(2)
    await s.look()
    await s.clock.advance(200_000)
    expect(s.whatsApp.live()).toEqual([])
    expect([s.decided(), s.eventNames(), s.clock.timers()]).toEqual([0, [], 0])
    expect(s.whatsApp.devices.map(({ isLinked }) => isLinked)).toEqual([true])
  })

  test('is served again when its state is understood', async () => {
    const s = await linkedRig()
    await s.reconciler.handOver()
    s.takeOver(2)
    await s.look()
    s.companies.put(companyId, s.known)
    await s.look()
    expect(s.state()).toMatchObject({ session: { status: 'connected', epoch: 2 }, credentials: s.known.credentials })
  })
})
