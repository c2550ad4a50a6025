/** Benchmark of many companies that pair at once: number of codes, and time to code and to link. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect } from '../support/client.ts'
import { bareCode } from './bare-baileys.ts'
import { milliseconds, percentile } from './figures.ts'
import type { Bench } from './main.ts'
import { tokenFor } from './time-to-code.ts'

const companies = Number(process.env['BENCH_COMPANIES'] ?? 100)

type Outcome = { readonly codeMs: number; readonly linkMs: number; readonly crossTalk: number }

export async function concurrent({ url, say, control }: Bench): Promise<void> {
  await shardsAreSpread(url)
  const clients = await Promise.all(
    Array.from({ length: companies }, async (_, index) => {
      const companyId = `burst-${index}`
      const token = await tokenFor(url, companyId)
      return {
        companyId,
        phone: `7900300${1000 + index}`,
        client: await connect(`${url.replace('http', 'ws')}/ws?token=${token}`),
      }
    }),
  )
  const settled = await Promise.allSettled(
    clients.map(({ client, companyId, phone }) => pairOne(client, companyId, phone, control)),
  )
  const outcomes = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  say(
    `${companies} companies at once: ${outcomes.length} linked, ${outcomes.reduce((sum, { crossTalk }) => sum + crossTalk, 0)} frames of others`,
  )
  for (const result of settled) if (result.status === 'rejected') say(`  ${result.reason}`)
  for (const [name, pick] of [
    ['code', (o: Outcome) => o.codeMs],
    ['connected, from typing', (o: Outcome) => o.linkMs],
  ] as const) {
    const values = outcomes.map(pick)
    say(`  time to ${name}  ${percentiles(values)}`)
  }
  await Promise.all(clients.map(({ client }) => client.close()))
  const bare = await Promise.all(Array.from({ length: companies }, (_, index) => bareCodeMs(`7900400${1000 + index}`)))
  say(`  bare Baileys in one process, time to code  ${percentiles(bare)}`)
}

async function bareCodeMs(phone: string): Promise<number> {
  const start = performance.now()
  const { socket } = await bareCode(phone)
  const elapsed = performance.now() - start
  await socket.end(undefined)
  return elapsed
}

function percentiles(values: readonly number[]): string {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => milliseconds(percentile(values, share)))
  return `p50 ${p50}  p95 ${p95}  p99 ${p99}`
}

/** Waits until every host has shards: when hosts start together, the first one owns all shards for some seconds. */
async function shardsAreSpread(url: string): Promise<void> {
  for (;;) {
    const hosts = (await (await fetch(`${url}/dev/hosts`)).json()) as { shards: readonly number[] }[]
    if (hosts.every(({ shards }) => shards.length > 0)) return
    await pause(200)
  }
}

async function pairOne(
  client: Client,
  companyId: string,
  phoneNumber: string,
  control: Bench['control'],
): Promise<Outcome> {
  const start = performance.now()
  client.send({ action: 'request-pairing-code', phoneNumber })
  const issued = await client.next(({ event }) => event === 'pairing-code' || event === 'pairing-code-error', 60_000)
  if (issued.event !== 'pairing-code') throw new Error(`${companyId}: ${issued['code']}`)
  const typed = performance.now()
  await control('POST', `/simulator/phones/${phoneNumber}/enter-code`, { code: issued['code'] })
  const linked = await client.next(
    ({ event }) => event === 'whatsapp-connected' || event === 'pairing-code-error',
    120_000,
  )
  if (linked.event !== 'whatsapp-connected') throw new Error(`${companyId}: ${linked['code']} after the code was typed`)
  const crossTalk = client.frames.filter((frame) => frame['companyId'] !== companyId).length
  return { codeMs: typed - start, linkMs: performance.now() - typed, crossTalk }
}
