/**
 * Benchmark of R62: the wait of a company while another one on the same host is busy. The other side of the comparison
 * is the same busy company on another host, so that the machine's load is the same.
 */
import { shardOf } from '#shared/domain/fleet/shard.ts'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import { fleetOf } from '../support/fleet.ts'
import { type Linked, nudgeHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { manyEnds, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { median, milliseconds, percentile } from './figures.ts'
import { type Act, acts } from './neighbour-acts.ts'
import { everyMs, measure, type Neighbour, noSamples, probeKinds, type Samples } from './neighbour-probes.ts'
import { type SlowRows, slowRows } from './slow-rows.ts'

const held = Number(process.env['BENCH_SESSIONS'] ?? 200)
const phaseMs = Number(process.env['BENCH_SECONDS'] ?? 30) * 1000
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 2)
/** Names of acts, separated by commas; all by default. */
const chosen = process.env['BENCH_ACTS']?.split(',')
/** Promised difference at the 99th percentile (R62). */
const promisedMs = 100
/** Fewer samples than this have no 99th percentile. */
const leastSamples = 100
const shards = 4
const onlineTimeoutMs = 300_000

/** Linked companies that are reset once each, in a phase. */
const sparesPerPhase = Math.ceil(phaseMs / everyMs.reset) + 1

export async function neighbours(say: (line: string) => void): Promise<void> {
  const unknown = chosen?.filter((act) => !acts.some(({ name }) => name === act)) ?? []
  if (unknown.length > 0)
    throw new Error(`no act ${unknown.join(', ')}; there are ${acts.map(({ name }) => name).join(', ')}`)
  const playing = acts.filter(({ name }) => !chosen || chosen.includes(name))
  const rows = await slowRows()
  const stage = await startStage({
    hosts: 2,
    shards,
    env: { AWS_ENDPOINT_URL_DYNAMODB: rows.url },
    environment: { ...steadyLeases, ...manyEnds },
  })
  try {
    const scene = await prepare(stage, rows)
    say(`neighbours: ${held} sessions on the host; the busy company on the same host, and on another one`)
    for (const act of playing) await compare(scene, act, say)
  } finally {
    await stage.stop()
    await rows.stop()
  }
}

type Scene = {
  readonly neighbour: Neighbour
  readonly rows: SlowRows
  /** A company that is busy, on the measured host and on the other one. */
  readonly busyHere: Linked
  readonly busyThere: Linked
  readonly other: HostView
  /** Links new companies that can be reset. */
  readonly refill: () => Promise<void>
}

async function prepare(stage: Stage, rows: SlowRows): Promise<Scene> {
  await fleetOf(stage).untilSpread()
  const [host, other] = await stage.run.hosts()
  if (!host || !other) throw new Error('two hosts are needed')
  const here = linkedOn(host, held)
  const [busyThere] = linkedOn(other, 1)
  const [reader, busyHere] = here
  if (!reader || !busyHere || !busyThere) throw new Error('at least two sessions are needed')
  await connect(stage, [...here, busyThere], held + 1)
  const spares: Linked[] = []
  let spent = held
  const spare = () => {
    const next = spares.pop()
    if (!next) throw new Error('no linked company is left to reset')
    return next
  }
  const neighbour = { stage, host, reader, contact: '79001234561', spare }
  const refill = async () => {
    const more = linkedOn(host, sparesPerPhase - spares.length, spent)
    spent += more.length
    spares.push(...more)
    await connect(stage, more, held + 1 + spares.length)
  }
  await refill()
  await measure(neighbour, phaseMs, noSamples())
  return { neighbour, rows, other, busyHere, busyThere, refill }
}

/** Links companies, and waits until as many devices are online. */
async function connect(stage: Stage, companies: readonly Linked[], online: number): Promise<void> {
  await seedLinked(stage.run, companies)
  await nudgeHosts(stage.run, companies)
  await untilOnline(stage.run, online, onlineTimeoutMs)
}

/** Returns companies on the host's shards. */
function linkedOn(host: HostView, count: number, from = 0): Linked[] {
  const found: Linked[] = []
  for (let index = 0; found.length < from + count; index++) {
    // Of one length, so that no name begins with another one: rows are delayed by name.
    const companyId = `neighbour-${String(index).padStart(6, '0')}`
    if (host.shards.includes(shardOf(companyId, shards))) found.push({ companyId, phone: `7901${1_000_000 + index}` })
  }
  return found.slice(from)
}

/** Measures an act on both hosts in turns. A difference above the promise sets the exit code to 1. */
async function compare(scene: Scene, act: Act, say: (line: string) => void): Promise<void> {
  const { neighbour, rows, other, busyHere, busyThere, refill } = scene
  const [here, there] = [noSamples(), noSamples()]
  for (let round = 0; round < rounds; round++) {
    for (const [host, busy, samples] of [
      [neighbour.host, busyHere, here],
      [other, busyThere, there],
    ] as const) {
      await refill()
      const { stop, done } = await act.begin({ neighbour, rows, busy, host })
      await measure(neighbour, phaseMs, samples)
      await stop()
      say(`    ${act.name}, ${busy === busyHere ? 'same' : 'other'} host: ${done()}`)
    }
  }
  say(`  ${act.name}`)
  for (const kind of probeKinds) say(lineOf(kind, here, there))
}

function lineOf(kind: (typeof probeKinds)[number], here: Samples, there: Samples): string {
  const figures = (values: readonly number[]) =>
    `p50 ${milliseconds(median(values))}  p99 ${milliseconds(percentile(values, 0.99))} (${values.length})`
  const more = percentile(here[kind], 0.99) - percentile(there[kind], 0.99)
  // The percentile of fewer is their maximum: one pause of the machine decides it.
  const isJudged = Math.min(here[kind].length, there[kind].length) >= leastSamples
  const isLate = isJudged && more > promisedMs
  if (isLate) process.exitCode = 1
  return (
    `    ${kind.padEnd(8)} same host ${figures(here[kind])}  other host ${figures(there[kind])}  ` +
    `${more > 0 ? '+' : ''}${milliseconds(more)}${isLate ? ', more than promised' : ''}${isJudged ? '' : ', too few to judge'}`
  )
}
