/** The notes that a host writes of linked phones (R24). */
import { describe, expect, test } from 'vitest'
import { phoneHash } from '#shared/budget/phone-hash.ts'
import type { PhoneLink } from '#shared/dynamo/clients/phone-links.ts'
import { companyId, companyRig, hashSecret, phoneA, phoneB, type RigOptions } from '../support/company-rig.ts'

function rig(options: RigOptions = {}) {
  const s = companyRig(options)
  const namedBy = (phone: string): Promise<readonly PhoneLink[]> =>
    s.links.companiesOf(phoneHash(phone, hashSecret), s.clock.now())
  return { ...s, namedBy }
}

const running = { companyId, linkedAt: expect.any(Number) }
const ended = { ...running, removedAt: expect.any(Number) }

describe('a host notes under a phone', () => {
  test('that it was linked, once', async () => {
    const s = rig()
    await s.linked()
    expect(await s.namedBy(phoneA)).toEqual([{ companyId, linkedAt: s.state().credentials?.linkedAt }])
    await s.look()
    await s.clock.advance(600_000)
    expect(s.links.notes).toHaveLength(1)
  })

  test('nothing before the link is installed', async () => {
    const s = rig()
    await s.request()
    await s.cancel()
    expect(s.links.notes).toEqual([])
  })

  test('that a reset has ended the link', async () => {
    const s = rig()
    await s.linked()
    const linkedAt = s.state().credentials?.linkedAt
    await s.reset()
    const removedAt = s.state().cleanup[0]?.retiredAt
    expect(await s.namedBy(phoneA)).toEqual([{ companyId, linkedAt, removedAt }])
    await s.clock.advance(25 * 3_600_000)
    expect(s.state().cleanup).toEqual([])
    expect(s.links.notes).toHaveLength(2)
  })

  test('that another phone has taken its place', async () => {
    const s = rig()
    await s.linked(phoneA)
    await s.linked(phoneB)
    expect(await s.namedBy(phoneA)).toEqual([ended])
    expect(await s.namedBy(phoneB)).toEqual([running])
  })

  test('that WhatsApp has removed the device', async () => {
    const s = rig()
    await s.linked()
    s.whatsApp.live('login')[0]?.drop('removed')
    await s.clock.settle()
    expect(s.state().credentials).toBeUndefined()
    expect(await s.namedBy(phoneA)).toEqual([ended])
  })

  test('that the company has linked it again', async () => {
    const s = rig()
    await s.linked()
    await s.reset()
    await s.clock.advance(1_000)
    await s.linked()
    expect(await s.namedBy(phoneA)).toEqual([{ companyId, linkedAt: s.state().credentials?.linkedAt }])
  })

  test('nothing of a link whose phone is unknown (R3)', async () => {
    const s = rig()
    await s.request(phoneA)
    s.whatsApp.last().link(undefined)
    await s.clock.settle()
    expect(s.state().credentials).toBeDefined()
    expect(s.links.notes).toEqual([])
  })
})

describe('the next host', () => {
  test('repeats the note of a link when it adopts the company', async () => {
    const s = rig()
    await s.linked()
    await s.reconciler.handOver()
    s.takeOver(2)
    await s.look()
    expect(s.links.notes).toEqual([running, running])
  })

  test('notes the end of a link that its predecessor did not see', async () => {
    const s = rig()
    await s.linked()
    s.lease.lose()
    await s.reconciler.closeSockets()
    await s.reset()
    expect(await s.namedBy(phoneA)).toEqual([running])
    s.takeOver(2)
    await s.look()
    expect(await s.namedBy(phoneA)).toEqual([ended])
  })
})

describe('while the table refuses the notes', () => {
  test('the phone is linked, and the note is tried again after a pause', async () => {
    const s = rig()
    s.links.breakDown()
    await s.linked()
    await s.look()
    expect(s.lines.filter((line) => line.includes('Could not note the link of a phone'))).toHaveLength(1)
    s.links.repair()
    await s.look()
    expect(s.links.notes).toEqual([])
    await s.clock.advance(60_000)
    expect(await s.namedBy(phoneA)).toEqual([running])
    expect(s.lines.join()).not.toContain(phoneA)
  })

  test('a note of a link that has left the state since is written afterwards', async () => {
    const s = rig()
    await s.linked()
    s.links.breakDown()
    await s.reset()
    await s.clock.advance(25 * 3_600_000)
    expect(s.state().cleanup).toEqual([])
    s.links.repair()
    await s.clock.advance(60_000)
    expect(await s.namedBy(phoneA)).toEqual([ended])
  })

  test('a host that has lost the company does not try again', async () => {
    const s = rig()
    s.links.breakDown()
    await s.linked()
    s.lease.lose()
    await s.reconciler.closeSockets()
    s.links.repair()
    await s.clock.advance(600_000)
    expect(s.links.notes).toEqual([])
  })
})
