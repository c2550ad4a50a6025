/** Many companies that ask for a code at the same moment, and what each of them is told. */
import type { Client } from './client.ts'
import { type Linked, loginsOf, restartHosts, seedLinked, untilShownConnected, whatsAppView } from './linked-fleet.ts'
import type { Stage } from './stage.ts'

/** R18, R44. */
const promisedMs = 20_000
/** Baileys pings every 30 s, and takes a socket for lost after 35 s without an answer. */
const keepAliveMs = 35_000
const healthyWithinMs = 120_000

/** What a request has come to: a code, an error, or neither. */
export type Answer = {
  readonly companyId: string
  readonly phone: string
  /** From `pairing-started`, from which the promise of R18 counts, to the answer. */
  readonly ms: number
  readonly code?: unknown
  readonly error?: { readonly code: unknown; readonly retryAfter: unknown }
}

export type Burst = {
  readonly answers: readonly Answer[]
  readonly codes: readonly Answer[]
  /** `BUSY` that says when to come back. */
  readonly busy: readonly Answer[]
  readonly close: () => Promise<void>
}

/** Connects so many companies, each of which asks for its status first, as clients do. */
export async function gather(stage: Stage, count: number): Promise<readonly Asking[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { companyId, phone } = stage.fresh()
      const client = await stage.client(companyId)
      await client.ask('get-status', 'status')
      return { companyId, phone: phone.number, client }
    }),
  )
}

/** Sends all requests at once and waits for their answers. */
export async function burst(asking: readonly Asking[], withinMs: number): Promise<Burst> {
  const answers = await Promise.all(asking.map((each) => ask(each, withinMs)))
  return {
    answers,
    codes: answers.filter(({ code }) => code !== undefined),
    busy: answers.filter(({ error }) => error?.code === 'BUSY' && Number(error.retryAfter) >= 1),
    close: async () => {
      await Promise.all(asking.map(({ client }) => client.close()))
    },
  }
}

type Asking = { readonly companyId: string; readonly phone: string; readonly client: Client }

async function ask({ companyId, phone, client }: Asking, withinMs: number): Promise<Answer> {
  let startedAt = performance.now()
  client.send({ action: 'request-pairing-code', phoneNumber: phone })
  const next = (...events: readonly string[]) =>
    client.next(({ event }) => events.includes(event), withinMs).catch(() => undefined)
  const started = await next('pairing-started', 'pairing-code-error')
  if (started?.event === 'pairing-started') startedAt = performance.now()
  const answer = started?.event === 'pairing-started' ? await next('pairing-code', 'pairing-code-error') : started
  const about = { companyId, phone, ms: performance.now() - startedAt }
  if (answer?.event === 'pairing-code') return { ...about, code: answer['code'] }
  return { ...about, error: { code: answer?.['code'] ?? 'no answer', retryAfter: answer?.['retryAfter'] } }
}

/** Seeds sessions on a run of one host, and resolves when they are connected. */
export async function connectHealthy(stage: Stage, count: number): Promise<readonly Linked[]> {
  const healthy = Array.from({ length: count }, () => stage.fresh()).map(({ companyId, phone }) => ({
    companyId,
    phone: phone.number,
  }))
  await seedLinked(stage.run, healthy)
  await restartHosts(stage.run)
  await untilShownConnected(stage, healthy, healthyWithinMs)
  return healthy
}

/**
 * The promises of R41 and R44 that are broken to so many companies that ask at once, and to the sessions that are connected
 * meanwhile. How many codes there are in the time depends on the machine.
 */
export async function brokenPromises(
  stage: Stage,
  healthy: readonly Linked[],
  { answers, codes, busy }: Burst,
  leastCodes: number,
) {
  const others = answers.filter((answer) => !codes.includes(answer) && !busy.includes(answer))
  const phones = healthy.map(({ phone }) => phone)
  const logins = await loginsOf(stage.run, phones)
  const { violations } = await whatsAppView(stage.run)
  return [
    ...others.map(({ companyId, error }) => `${companyId} has neither a code nor BUSY, but ${error?.code}`),
    ...(codes.length < leastCodes ? [`only ${codes.length} codes`] : []),
    ...phones.filter((_, index) => logins[index] !== 1).map((phone) => `${phone} had to log in again`),
    ...Object.keys(violations.counts),
  ]
}

/** The promises with a time that are broken (R18): for benchmarks, since a test's machine may stand still. */
export async function lateAnswers(stage: Stage, { answers }: Burst): Promise<readonly string[]> {
  const late = answers.filter(({ ms }) => ms > promisedMs)
  const { maxSilenceMs } = await whatsAppView(stage.run)
  return [
    ...late.map(({ companyId, ms }) => `${companyId} had to wait for ${Math.round(ms)} ms`),
    ...(maxSilenceMs > keepAliveMs ? [`a session was silent for ${Math.round(maxSilenceMs)} ms`] : []),
  ]
}
