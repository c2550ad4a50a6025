/** Tenants who behave: each connects, asks for its status, links a phone, and pings; all waits are measured, in ms. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Frame } from '../support/client.ts'
import type { Phone, Stage } from '../support/stage.ts'

export const waits = ['connect', 'status', 'code', 'linked', 'ping'] as const
type Wait = (typeof waits)[number]

/** Waits that ended well. `failed` counts the others, by kind and reason: a refusal is quick and no success. */
export type Samples = Readonly<Record<Wait, number[]>> & { readonly failed: Record<string, number> }
export const noSamples = (): Samples => ({ connect: [], status: [], code: [], linked: [], ping: [], failed: {} })

export type Tenant = { readonly companyId: string; readonly phone: Phone }

const apartMs = 200
const betweenPingsMs = 400
/** Pings and statuses of a tenant, also when its phone is linked sooner. */
const minPings = 5
/** Silence after which a client asks again, and how often it asks in all (docs/api.md). */
const silenceMs = 10_000
const maxTries = 3
const linkTimeoutMs = 40_000

let requests = 0

/** Plays all tenants side by side, each beginning a moment after the one before it, and adds to `samples`. */
export async function playTenants(stage: Stage, tenants: readonly Tenant[], samples: Samples): Promise<void> {
  await Promise.all(
    tenants.map((tenant, index) => pause(index * apartMs).then(() => playTenant(stage, tenant, samples))),
  )
}

/** Connects a tenant, asks for its status once, and adds to `samples`. */
export async function askOnce(stage: Stage, { companyId }: Tenant, samples: Samples): Promise<void> {
  const client = await measured(samples, 'connect', () => stage.client(companyId))
  if (!client) return
  await measured(samples, 'status', () => ask(client, 'get-status', 'status'))
  await client.close()
}

async function playTenant(stage: Stage, { companyId, phone }: Tenant, samples: Samples): Promise<void> {
  const client = await measured(samples, 'connect', () => stage.client(companyId))
  if (!client) return
  await measured(samples, 'status', () => ask(client, 'get-status', 'status'))
  let isLinking = true
  const linking = pairPhone(client, phone, samples).finally(() => {
    isLinking = false
  })
  for (let n = 0; n < minPings || isLinking; n++) {
    await measured(samples, 'ping', () => ask(client, 'ping', 'pong'))
    await measured(samples, 'status', () => ask(client, 'get-status', 'status'))
    await pause(betweenPingsMs)
  }
  await linking
  await client.close()
}

async function pairPhone(client: Client, phone: Phone, samples: Samples): Promise<void> {
  const phoneNumber = phone.number
  const answer = await measured(samples, 'code', () =>
    ask(client, 'request-pairing-code', 'pairing-code', { phoneNumber }),
  )
  if (!answer) return
  await measured(samples, 'linked', async () => {
    await phone.enterCode(answer['code'])
    await client.next('whatsapp-connected', linkTimeoutMs)
  })
}

/** Returns the result of the work; undefined, and one more failure, when it was refused or got no answer in time. */
async function measured<T>(samples: Samples, wait: Wait, work: () => Promise<T>): Promise<T | undefined> {
  const start = performance.now()
  try {
    const result = await work()
    samples[wait].push(performance.now() - start)
    return result
  } catch (error) {
    const reason = `${wait}: ${error instanceof Error ? error.message : error}`.slice(0, 60)
    samples.failed[reason] = (samples.failed[reason] ?? 0) + 1
    return undefined
  }
}

/**
 * Asks, again after silence, and throws the code of a refusal. A frame without `event` is API Gateway's own and answers
 * nothing.
 */
async function ask(client: Client, action: string, event: string, fields: object = {}) {
  const requestId = `good-${++requests}`
  const isAnswer = (frame: Frame) =>
    frame['requestId'] === requestId && (frame.event === event || /error$/.test(frame.event ?? ''))
  let answer: Frame | undefined
  for (let tries = 0; !answer && tries < maxTries; tries++) {
    client.send({ action, requestId, ...fields })
    answer = await client.next(isAnswer, silenceMs).catch(() => undefined)
  }
  if (!answer) throw new Error('no answer')
  if (answer.event !== event) throw new Error(String(answer['code'] ?? answer.event))
  return answer
}
