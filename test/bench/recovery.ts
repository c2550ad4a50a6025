/** Benchmark of the time from a `pairing-code-error` to the next code on the same connection, for each kind of failure. */
import { connect } from '../support/client.ts'
import { milliseconds, percentile } from './figures.ts'
import type { Bench } from './main.ts'
import { tokenFor } from './time-to-code.ts'

const rounds = 15
const failures = [
  { behaviour: 'not-registered', times: 1 },
  { behaviour: 'server-error', times: 1 },
  { behaviour: 'cut-after-hello', times: 1 },
] as const

export async function recovery({ url, say, control }: Bench): Promise<void> {
  say(`recovery: from the error to the next code, ${rounds} each`)
  for (const [kind, failure] of failures.entries()) {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const phoneNumber = `7900400${1000 + kind * rounds + round}`
      await control('PUT', `/simulator/phones/${phoneNumber}/behaviour`, failure)
      const companyId = `recovery-${kind}-${round}`
      const client = await connect(`${url.replace('http', 'ws')}/ws?token=${await tokenFor(url, companyId)}`)
      client.send({ action: 'request-pairing-code', phoneNumber, requestId: 'fails' })
      await client.next('pairing-code-error')
      const start = performance.now()
      await client.ask('request-pairing-code', 'pairing-code', { phoneNumber })
      times.push(performance.now() - start)
      await client.ask('cancel-pairing', 'pairing-cancelled')
      await client.close()
    }
    const [p50, p95] = [0.5, 0.95].map((share) => milliseconds(percentile(times, share)))
    say(`  ${failure.behaviour.padEnd(16)} p50 ${p50}  p95 ${p95}`)
  }
}
