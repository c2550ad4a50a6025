/**
 * Benchmark of fifty pairings at once on one host with one core (R44): each code within 20 s, each company connected within
 * 60 s of its code being typed, which happens as soon as it is shown. Exit code 1 when a promise is broken.
 */
import { gather } from '../support/burst.ts'
import { whatsAppView } from '../support/linked-fleet.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { link, type Stage, startStage } from '../support/stage.ts'
import { cpuSeconds } from './cpu-time.ts'
import { milliseconds, percentile } from './figures.ts'
import { loopStalls } from './loop-stalls.ts'
import { giveOneCore } from './one-core.ts'
import { prodHost } from './prod-host.ts'
import { atMost } from './promised.ts'
import { startSimulatorProcess } from './simulator-process.ts'

const pairings = Number(process.env['BENCH_PAIRINGS'] ?? 50)
const promisedMs = { code: 20_000, connected: 60_000 } as const
/** Limit of waiting. A company that takes longer is a broken promise in any case. */
const timeoutMs = 180_000

type Outcome = { readonly codeMs?: number; readonly connectedMs?: number; readonly failure?: string }

export async function burst(say: (line: string) => void): Promise<void> {
  const simulator = await startSimulatorProcess()
  const stalls = await loopStalls()
  const stage = await startStage({
    ...prodHost,
    hosts: 1,
    simulator: simulator.simulator,
    environment: stalls.environment,
  })
  try {
    // Functions, hosts and the simulated WhatsApp have compiled their code before the burst.
    const first = stage.fresh()
    await (await link(stage, first.companyId, first.phone)).close()
    const pid = await firstHostPid(stage)
    const cores = giveOneCore(pid, [process.pid, simulator.pid])
    say(`burst: ${pairings} pairings at once on one host; ${cores}`)
    await stalls.maxMs(pid)
    const before = cpuSeconds(pid)
    const outcomes = await pairAtOnce(stage)
    report(outcomes, say)
    say(
      `  CPU of the host ${(cpuSeconds(pid) - before).toFixed(1)} s; longest stall of its event loop ` +
        milliseconds(await stalls.maxMs(pid)),
    )
    const { violations } = await whatsAppView(stage.run)
    if (violations.total > 0) fail(`violations ${JSON.stringify(violations.counts)}`, say)
  } finally {
    await stage.stop()
    await stalls.remove()
    await simulator.stop()
  }
}

async function pairAtOnce(stage: Stage): Promise<readonly Outcome[]> {
  const asking = await gather(stage, pairings)
  const outcomes = await Promise.all(
    asking.map(async ({ phone, client }): Promise<Outcome> => {
      const next = (event: string) =>
        client.next((frame) => frame.event === event || frame.event === 'pairing-code-error', timeoutMs)
      try {
        client.send({ action: 'request-pairing-code', phoneNumber: phone })
        const started = await next('pairing-started')
        // The promise of R18 begins with `pairing-started`.
        const startedAt = performance.now()
        const answer = started.event === 'pairing-started' ? await next('pairing-code') : started
        if (answer.event !== 'pairing-code') return { failure: `${answer['code']} instead of a code` }
        const typedAt = performance.now()
        // The connection may be reported before the phone shows its success.
        const typing = stage.phone(phone).enterCode(answer['code'])
        const end = await next('whatsapp-connected')
        const codeMs = typedAt - startedAt
        if (end.event !== 'whatsapp-connected') return { codeMs, failure: `${end['code']} after typing` }
        const connectedMs = performance.now() - typedAt
        await typing
        return { codeMs, connectedMs }
      } catch (error) {
        return { failure: String(error) }
      }
    }),
  )
  await Promise.all(asking.map(({ client }) => client.close()))
  return outcomes
}

function report(outcomes: readonly Outcome[], say: (line: string) => void): void {
  const line = (name: string, values: readonly number[], limit: number) => {
    const last = percentile(values, 1)
    say(
      `  ${values.length} ${name}  p50 ${milliseconds(percentile(values, 0.5))}  last ${milliseconds(last)} ` +
        atMost(last, limit, ' ms'),
    )
  }
  line(
    'codes',
    outcomes.flatMap(({ codeMs }) => codeMs ?? []),
    promisedMs.code,
  )
  line(
    'connected, from typing',
    outcomes.flatMap(({ connectedMs }) => connectedMs ?? []),
    promisedMs.connected,
  )
  const failures = outcomes.flatMap(({ failure }) => failure ?? [])
  for (const sentence of new Set(failures))
    fail(`${failures.filter((each) => each === sentence).length} x ${sentence}`, say)
}

function fail(sentence: string, say: (line: string) => void): void {
  process.exitCode = 1
  say(`  ${sentence}`)
}
