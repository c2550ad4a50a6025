/** Many companies that request a code at the same moment, and the answer to each. */
import type { Client } from './client.ts'
import { type Linked, loginsOf, restartHosts, seedLinked, untilShownConnected, whatsAppView } from './linked-fleet.ts'
import type { Stage } from './stage.ts'

/** Promised time to an answer (R18, R44). */
const promisedMs = 20_000
/** Baileys pings every 30 s, and considers a socket lost after 35 s without an answer. */
const keepAliveMs = 35_000
const connectTimeoutMs = 120_000

/** Outcome of a request: a code or an error. A missing answer is the error `no answer`. */
export type Answer = {
  readonly companyId: string
  readonly phone: string
  /** Time from `pairing-started`, where the promise of R18 begins, to the answer. */
  readonly ms: number
  readonly code?: unknown
  readonly error?: { readonly code: unknown; readonly retryAfter: unknown }
}

export type Burst = {
  readonly answers: readonly Answer[]
  readonly codes: readonly Answer[]
  /** Answers `BUSY` with a `retryAfter`. */
  readonly busy: readonly Answer[]
  readonly close: () => Promise<void>
}

/** Connects new companies. Each asks for its status first, as clients do. */
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

/** Sends the requests of all companies at once and waits for their answers. */
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

/** Creates linked companies on a run of one host; resolves when their sessions are connected. */
export async function connectHealthy(stage: Stage, count: number): Promise<readonly Linked[]> {
  const healthy = Array.from({ length: count }, () => stage.fresh()).map(({ companyId, phone }) => ({
    companyId,
    phone: phone.number,
  }))
  await seedLinked(stage.run, healthy)
  await restartHosts(stage.run)
  await untilShownConnected(stage, healthy, connectTimeoutMs)
  return healthy
}

/**
 * Returns a sentence for each broken promise of R41 and R44: to the companies that asked at once, and to the sessions that were
 * connected meanwhile. `minCodes` is up to the caller, because the number of codes in the time depends on the machine.
 */
export async function brokenPromises(
  stage: Stage,
  healthy: readonly Linked[],
  { answers, codes, busy }: Burst,
  minCodes: number,
) {
  const others = answers.filter((answer) => !codes.includes(answer) && !busy.includes(answer))
  const phones = healthy.map(({ phone }) => phone)
  const logins = await loginsOf(stage.run, phones)
  const { violations } = await whatsAppView(stage.run)
  return [
    ...others.map(({ companyId, error }) => `${companyId} has neither a code nor BUSY, but ${error?.code}`),
    ...(codes.length < minCodes ? [`only ${codes.length} codes`] : []),
    ...phones.filter((_, index) => logins[index] !== 1).map((phone) => `${phone} had to log in again`),
    ...Object.keys(violations.counts),
  ]
}

/** Returns a sentence for each broken promise about time (R18). Only for benchmarks: the machine of a test may be busy. */
export async function lateAnswers(stage: Stage, { answers }: Burst): Promise<readonly string[]> {
  const late = answers.filter(({ ms }) => ms > promisedMs)
  const { longestSilenceMs } = await whatsAppView(stage.run)
  return [
    ...late.map(({ companyId, ms }) => `${companyId} had to wait for ${Math.round(ms)} ms`),
    ...(longestSilenceMs > keepAliveMs ? [`a session was silent for ${Math.round(longestSilenceMs)} ms`] : []),
  ]
}
