/**
 * Benchmark of the time from the request to a code that WhatsApp has accepted: Pairplane and bare Baileys, in turns, on
 * one simulator.
 */
import { connect } from '../support/client.ts'
import { bareCode } from './bare-baileys.ts'
import { milliseconds, percentile, ratio } from './figures.ts'
import type { Bench } from './main.ts'

const rounds = 30

export async function timeToCode({ url, say }: Bench): Promise<void> {
  const bare: number[] = []
  const pairplane: number[] = []
  for (let round = -2; round < rounds; round++) {
    const bareMs = await timeBare(`7900100${2000 + round}`)
    const pairplaneMs = await timePairplane(url, `bench-${round + 2}`, `7900200${2000 + round}`)
    // The first two rounds warm up both sides.
    if (round < 0) continue
    bare.push(bareMs)
    pairplane.push(pairplaneMs)
  }
  say(`time to code, ${rounds} in turns on one simulator`)
  for (const [name, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
  ] as const) {
    const [ours, theirs] = [percentile(pairplane, share), percentile(bare, share)]
    say(`  ${name}  Pairplane ${milliseconds(ours)}  bare Baileys ${milliseconds(theirs)}  ${ratio(ours, theirs)}`)
  }
}

async function timeBare(phone: string): Promise<number> {
  const start = performance.now()
  const { socket } = await bareCode(phone)
  const elapsed = performance.now() - start
  await socket.end(undefined)
  return elapsed
}

async function timePairplane(url: string, companyId: string, phoneNumber: string): Promise<number> {
  const client = await connect(`${url.replace('http', 'ws')}/ws?token=${await tokenFor(url, companyId)}`)
  await client.ask('ping', 'pong')
  const start = performance.now()
  await client.ask('request-pairing-code', 'pairing-code', { phoneNumber })
  const elapsed = performance.now() - start
  await client.ask('cancel-pairing', 'pairing-cancelled')
  await client.close()
  return elapsed
}

/** Gets a client token from the local run. */
export async function tokenFor(url: string, companyId: string): Promise<string> {
  const body = JSON.stringify({ companyId, role: 'marketplace' })
  const response = await fetch(`${url}/dev/tokens`, { method: 'POST', body })
  const { token } = (await response.json()) as { token: string }
  return token
}
