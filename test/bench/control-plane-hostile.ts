/** Ten tenants who behave, alone and beside one hostile tenant in the same run, in turns. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { clientDefaults } from '#shared/config/settings.ts'
import { maxEnvironments } from '../../local/invoke/environment-pool.ts'
import { link, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { median, milliseconds, percentile, ratio } from './figures.ts'
import { askOnce, noSamples, playTenants, type Samples, waits } from './good-tenants.ts'

const tenants = Number(process.env['BENCH_TENANTS'] ?? 10)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 2)
const acts = ['connections', 'identical', 'resets', 'foreign', 'http', 'messages'] as const
/** Names of acts, separated by commas; all by default. */
const chosen = process.env['BENCH_ACTS']?.split(',') ?? acts
/** Time for the hostile tenant to get going, and for the run to come to rest after it. */
const headStartMs = 1_500
/** Codes of foreign numbers must be used up before their owners come. */
const foreignHeadStartMs = 15_000
const restMs = 3_000
/** Attempts to find the run at rest; each takes as long as an answer is waited for. */
const maxTries = 10

type Counts = Record<string, number>

export async function besideHostile(say: (line: string) => void): Promise<void> {
  const unknown = chosen.filter((act) => !acts.some((known) => known === act))
  if (unknown.length > 0) throw new Error(`no act ${unknown.join(', ')}; there are ${acts.join(', ')}`)
  const limits = { HTTP_REQUESTS_PER_SECOND: String(clientDefaults.httpRequestsPerSecond) }
  const stage = await startStage({ environment: { ...steadyLeases, ...limits } })
  try {
    say(`${tenants} good tenants, alone -> beside one hostile tenant; ${rounds} rounds of each, in turns`)
    say(
      `  A local run has at most ${maxEnvironments} execution environments per function for all tenants, and its gateway,`,
    )
    say('  tables and tenants share the cores: on AWS each concurrent request has an environment of its own.')
    await playTenants(stage, freshTenants(stage), noSamples())
    for (const act of chosen) await compare(stage, act, say)
  } finally {
    await stage.stop()
  }
}

const freshTenants = (stage: Stage) => Array.from({ length: tenants }, () => stage.fresh())

async function compare(stage: Stage, act: string, say: (line: string) => void): Promise<void> {
  const [alone, beside] = [noSamples(), noSamples()]
  const answers: Counts = {}
  for (let round = 0; round < rounds; round++) {
    await playTenants(stage, freshTenants(stage), alone)
    const victims = freshTenants(stage)
    if (act === 'foreign') await makeOwners(stage, victims)
    const phones = victims.map(({ phone }) => phone.number)
    const stopHostile = await startHostile(stage, act, phones)
    await pause(act === 'foreign' ? foreignHeadStartMs : headStartMs)
    await playTenants(stage, victims, beside)
    for (const [answer, times] of Object.entries(await stopHostile())) answers[answer] = (answers[answer] ?? 0) + times
    await comeToRest(stage)
  }
  say(`  ${act}`)
  for (const wait of waits) say(`    ${wait.padEnd(8)} ${comparison(alone[wait], beside[wait])}`)
  say(`    good requests that failed: ${list(alone)} -> ${list(beside)}`)
  say(`    the hostile tenant: ${listed(answers)}`)
}

/** Lets the tenants link their phones and reset: a phone's codes have a reserve for those who have linked it. */
async function makeOwners(stage: Stage, victims: ReturnType<typeof freshTenants>): Promise<void> {
  for (const { companyId, phone } of victims) {
    const client = await link(stage, companyId, phone)
    await client.ask('reset-whatsapp-credentials', 'credentials-reset')
    await client.close()
  }
}

/**
 * Waits until the functions have worked off what is left of the act: invocations wait in order, so a request that is
 * answered was the last one. Without this the next round would not be alone.
 */
async function comeToRest(stage: Stage): Promise<void> {
  await pause(restMs)
  const last = noSamples()
  for (let tries = 0; last.status.length === 0 && tries < maxTries; tries++) await askOnce(stage, stage.fresh(), last)
  await pause(restMs)
}

function comparison(alone: readonly number[], beside: readonly number[]): string {
  const figures = (values: readonly number[]) =>
    values.length === 0
      ? 'never'
      : `p50 ${milliseconds(median(values))}, p95 ${milliseconds(percentile(values, 0.95))} (${values.length})`
  if (alone.length === 0 || beside.length === 0) return `${figures(alone)} -> ${figures(beside)}`
  const p95 = ratio(percentile(beside, 0.95), percentile(alone, 0.95))
  return `${figures(alone)} -> ${figures(beside)}; p50 ${ratio(median(beside), median(alone))}, p95 ${p95}`
}

const list = ({ failed }: Samples): string => listed(failed)
const listed = (counts: Counts): string =>
  Object.entries(counts)
    .map(([what, times]) => `${times} ${what}`)
    .join(', ') || 'none'

/** Starts the hostile tenant, a new company. The returned function stops it and returns how it was answered. */
async function startHostile(stage: Stage, act: string, phones: readonly string[]): Promise<() => Promise<Counts>> {
  const { companyId, phone } = stage.fresh()
  const { url, wsUrl } = stage.run
  const token = await stage.run.token(companyId)
  const settings = JSON.stringify({ act, url, wsUrl, companyId, token, phone: phone.number, phones })
  const script = fileURLToPath(new URL('hostile-tenant.ts', import.meta.url))
  const child = spawn(process.execPath, [script, settings], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const ended = once(child, 'exit')
  await Promise.race([once(output, 'line'), ended])
  return async () => {
    child.stdin.end()
    await ended
    const last = lines.at(-1) ?? ''
    if (!last.startsWith('{')) throw new Error(`the hostile tenant (${act}) ended without a count`)
    return JSON.parse(last) as Counts
  }
}
