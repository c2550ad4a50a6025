/** Requests for somebody else's number leave codes for its owner (R24). */
import { describe, expect, test } from 'vitest'
import { phoneHash } from '#shared/budget/phone-hash.ts'
import {
  type Codes,
  digits,
  type Frame,
  hashSecret,
  lambdaContext,
  makeWorld,
  messageEvent,
  receive,
  showCode,
  start,
  type World,
} from '../support.ts'

const day = 24 * 60 * 60_000
const limits: Codes = { codesPerPhone: 5, codesPerForeignPhone: 3, codesPerCompany: 100 }

/** Notes a link as hosts do. */
const note = (world: World, companyId: string, times: { linkedAt: number; removedAt?: number }, phone = digits) =>
  world.links.note(phoneHash(phone, hashSecret), { companyId, ...times })

/** Starts an attempt that gets its code, and cancels it. */
async function ask(world: World, companyId: string, phoneNumber = digits): Promise<Frame> {
  const connectionId = `browser of ${companyId}`
  const say = (message: object) =>
    receive(messageEvent(message, { connectionId, companyId, exp: String(start / 1000 + 3600) }), lambdaContext, world)
  const { body } = await say({ action: 'request-pairing-code', phoneNumber, requestId: 'r' })
  if (world.state(companyId).attempt) await showCode(world, 'ABCD-EFGH', companyId)
  await say({ action: 'cancel-pairing' })
  return JSON.parse(body ?? '{}') as Frame
}

/** Asks until there is no code; returns how many there were. */
async function codesLeft(world: World, companyId: string, phone = digits): Promise<number> {
  for (let codes = 0; ; codes++) {
    const answer = await ask(world, companyId, phone)
    if (answer.event === 'pairing-started') continue
    expect(answer).toMatchObject({ event: 'pairing-code-error', code: 'RATE_LIMITED' })
    return codes
  }
}

describe('a phone that company A has linked', () => {
  test('gives another company three codes, and then A the two that are left', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start })
    expect(await codesLeft(world, 'B')).toBe(3)
    expect(await codesLeft(world, 'C')).toBe(0)
    expect(await codesLeft(world, 'A')).toBe(2)
  })

  test('gives A all five, after which nobody gets one', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start })
    expect(await codesLeft(world, 'A')).toBe(5)
    expect(await codesLeft(world, 'B')).toBe(0)
  })

  test('says when the oldest of the last three codes leaves the window', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start })
    for (let codes = 0; codes < 4; codes++) {
      await ask(world, 'A')
      world.now.value += 60_000
    }
    expect(await ask(world, 'B')).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 600 - 180 })
    world.now.value += 420_000
    expect((await ask(world, 'B')).event).toBe('pairing-started')
  })

  test('counts the codes of A for others, too', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start })
    for (let codes = 0; codes < 2; codes++) await ask(world, 'A')
    expect(await codesLeft(world, 'B')).toBe(1)
  })

  test('is the same phone in another form of its class', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start }, '5511987654321')
    expect(await codesLeft(world, 'B', '+551187654321')).toBe(3)
    expect(await codesLeft(world, 'A', '+5511987654321')).toBe(2)
  })

  test('has every company that has linked it for an owner', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start })
    await note(world, 'B', { linkedAt: start - day, removedAt: start })
    expect(await codesLeft(world, 'B')).toBe(5)
  })

  test('has an owner until 30 days after the removal', async () => {
    const world = makeWorld(limits)
    await note(world, 'A', { linkedAt: start - 40 * day, removedAt: start - 30 * day + 1 })
    for (let codes = 0; codes < 3; codes++) await ask(world, 'B')
    expect(await ask(world, 'B')).toMatchObject({ code: 'RATE_LIMITED' })
    world.now.value += 1
    expect((await ask(world, 'B')).event).toBe('pairing-started')
  })
})

test('a phone that was never linked has no owner, and no reserve', async () => {
  expect(await codesLeft(makeWorld(limits), 'B')).toBe(5)
})

test('a limit for others above the one of the phone has no effect', async () => {
  const world = makeWorld({ codesPerPhone: 2, codesPerForeignPhone: 3, codesPerCompany: 100 })
  await note(world, 'A', { linkedAt: start })
  expect(await codesLeft(world, 'B')).toBe(2)
})

test('while the links cannot be read, a request fails and takes nothing', async () => {
  const world = makeWorld(limits)
  await note(world, 'A', { linkedAt: start })
  world.links.breakDown()
  expect(await ask(world, 'A')).toMatchObject({ event: 'pairing-code-error', code: 'STORE_UNAVAILABLE' })
  world.links.repair()
  expect(await codesLeft(world, 'A')).toBe(5)
})

test('a company without codes of its own uses up none of a phone', async () => {
  const world = makeWorld({ codesPerPhone: 5, codesPerForeignPhone: 3, codesPerCompany: 2 })
  expect(await codesLeft(world, 'B', '79161234567')).toBe(2)
  for (let refused = 0; refused < 10; refused++) expect(await ask(world, 'B')).toMatchObject({ code: 'RATE_LIMITED' })
  world.now.value += 1
  for (const company of ['C', 'D', 'E']) await ask(world, company)
  expect(await codesLeft(world, 'F')).toBe(2)
})
