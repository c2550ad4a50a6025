/** One host with many linked sessions, and the load of a salon day on it, for benchmarks. */
import { setTimeout as pause } from 'node:timers/promises'
import { inParallel } from '#shared/async/in-parallel.ts'
import type { reportDailyLoad } from '../../simulator/control/daily-load.ts'
import { type Linked, nudgeHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { countingDynamoDb } from './counting-proxy.ts'
import { cpuSeconds } from './cpu-time.ts'
import { type LoopStalls, loopStalls } from './loop-stalls.ts'
import { residentBytes } from './memory.ts'
import { prodHost } from './prod-host.ts'
import { type SimulatorProcess, startSimulatorProcess } from './simulator-process.ts'
import { type Units, unitsSince } from './units.ts'

/** Events of a salon's mean day (R68). */
export const day = { direct: 150, group: 300, serverSync: 100, reconnect: 5 } as const
const onlineTimeoutMs = 900_000
const concurrency = 8
/** Contacts of a session, who are the members of its group too. */
const contacts = 4
/** Messages for each session, and their rate over all: first messages at a higher one would wait for one another. */
const acquainting = { messages: 10, perSecond: 30 } as const
const sampleMs = 1_000
const readTimeoutMs = 600_000
/** Wait for what follows the visible end: answers of devices, writes of keys. */
const settleMs = 10_000
const collectGarbage = new URL('./collect-garbage.ts', import.meta.url).href

export type LoadedHost = {
  readonly stage: Stage
  readonly simulator: SimulatorProcess
  readonly dynamoDb: Awaited<ReturnType<typeof countingDynamoDb>>
  readonly stalls: LoopStalls
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** Figures of some time under one load. Shares are of one core. */
export type PhaseFigures = {
  readonly seconds: number
  readonly hostShare: number
  readonly simulatorShare: number
  /** Share of the tables, the functions and the benchmark itself. */
  readonly restShare: number
  readonly maxResidentBytes: number
  readonly maxStallMs: number
  readonly units: Units
  readonly load: LoadFigures
}

/** Traffic of the phase. `undecryptable` counts requests to send a message again, `failures` what could not be sent. */
export type LoadFigures = {
  readonly messages: number
  readonly delivered: number
  readonly undecryptable: number
  readonly notices: number
  /** Connections that the service has closed. */
  readonly reconnects: number
  /** Logins meanwhile: more than `reconnects` when the host has lost sessions by itself. */
  readonly logins: number
  readonly waiting: number
  readonly failures: number
  readonly maxLatenessMs: number
  readonly deliveryMs: readonly number[]
}

/** Starts a host without sessions. Its garbage is collected on SIGUSR2. */
export async function startLoadedHost(): Promise<LoadedHost> {
  const stack = new AsyncDisposableStack()
  const simulator = await startSimulatorProcess()
  stack.defer(simulator.stop)
  const dynamoDb = await countingDynamoDb()
  stack.defer(dynamoDb.stop)
  const stalls = await loopStalls([collectGarbage])
  stack.defer(stalls.remove)
  const stage = await startStage({
    ...{
      ...prodHost,
      hosts: 1,
      simulator: simulator.simulator,
      environment: { ...stalls.environment, ...steadyLeases },
    },
    env: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url },
  })
  stack.defer(stage.stop)
  const pid = await firstHostPid(stage)
  return { stage, simulator, dynamoDb, stalls, pid, stop: () => stack.disposeAsync() }
}

/** Links companies and waits until they are connected. Their phones share a key of the app state, as after a link. */
export async function addSessions(host: LoadedHost, from: number, to: number): Promise<void> {
  const { stage, simulator, dynamoDb } = host
  const companies: readonly Linked[] = Array.from({ length: to - from }, (_, index) => ({
    companyId: `salon-${from + index}`,
    phone: `7901${1_000_000 + from + index}`,
  }))
  await seedLinked(stage.run, companies, simulator.controlUrl)
  await nudgeHosts(stage.run, companies)
  await untilOnline(stage.run, to, onlineTimeoutMs)
  await inParallel(companies, concurrency, ({ phone }) =>
    simulator.simulator.control('POST', `/simulator/phones/${phone}/address-book`, { keys: 1 }),
  )
  await pause(settleMs)
  dynamoDb.counted.length = 0
}

/**
 * Plays some messages for each of the sessions without measuring: most contacts of a salon have written before, and a first
 * message costs more than the next.
 */
export async function makeAcquainted(host: LoadedHost, sessions: number): Promise<void> {
  const seconds = (sessions * acquainting.messages) / acquainting.perSecond
  const factor = (acquainting.messages * 86_400) / (seconds * (day.direct + day.group))
  await setLoad(host, { direct: day.direct * factor, group: day.group * factor, contacts })
  await pause(seconds * 1000)
  await setLoad(host, {})
  await untilAllRead(host)
}

/** Waits until the host has answered everything, and for its work after that. */
async function untilAllRead(host: LoadedHost): Promise<void> {
  for (const until = performance.now() + readTimeoutMs; (await readLoad(host)).waiting > 0; await pause(sampleMs))
    if (performance.now() > until) break
  await pause(settleMs)
}

/** Plays `factor` times the mean rate of a salon day for some seconds, and measures meanwhile. */
export async function playDay(host: LoadedHost, factor: number, seconds: number): Promise<PhaseFigures> {
  const { pid, simulator, stalls, dynamoDb } = host
  const before = await readLoad(host)
  await stalls.maxMs(pid)
  const units = unitsSince(dynamoDb.counted)
  const pids = [pid, simulator.pid, process.pid] as const
  const [startedAt, cpu] = [performance.now(), pids.map(cpuSeconds)]
  const scaled = Object.entries(day).map(([kind, count]) => [kind, count * factor])
  await setLoad(host, factor === 0 ? {} : { ...Object.fromEntries(scaled), contacts })
  let maxResidentBytes = 0
  for (const until = startedAt + seconds * 1000; performance.now() < until; ) {
    await pause(Math.min(sampleMs, Math.max(0, until - performance.now())))
    maxResidentBytes = Math.max(maxResidentBytes, residentBytes(pid))
    units.take()
  }
  const tookSeconds = (performance.now() - startedAt) / 1000
  const [hostShare = 0, simulatorShare = 0, restShare = 0] = pids.map(
    (each, index) => (cpuSeconds(each) - (cpu[index] ?? 0)) / tookSeconds,
  )
  const found = { seconds: tookSeconds, hostShare, simulatorShare, restShare, maxResidentBytes, units: units.take() }
  const maxStallMs = await stalls.maxMs(pid)
  await setLoad(host, {})
  await untilAllRead(host)
  return { ...found, maxStallMs, load: loadFigures(before, await readLoad(host), factor > 0) }
}

type LoadReport = ReturnType<typeof reportDailyLoad>

/** Loads so far. Each has a seed of its own: with the same one, the same contacts would write again. */
let loads = 0

/** Begins a load, or ends it if there are no events. The figures of the last one stay. */
async function setLoad({ simulator }: LoadedHost, load: object): Promise<void> {
  const { status, body } = await simulator.simulator.control('PUT', '/simulator/daily-load', {
    ...load,
    seed: ++loads,
  })
  if (status !== 200) throw new Error(`daily load: ${status} ${JSON.stringify(body)}`)
}

async function readLoad({ simulator }: LoadedHost): Promise<LoadReport> {
  return (await simulator.simulator.control('GET', '/simulator/daily-load')).body as LoadReport
}

/** `isPlaying` is false in a phase without a load, in which the figures of the last load are still there. */
function loadFigures(before: LoadReport, after: LoadReport, isPlaying: boolean): LoadFigures {
  type Counted = 'sent' | 'retries' | 'requests'
  const since = (counts: Counted, names: readonly string[] = Object.keys(after[counts])) =>
    names.reduce((sum, name) => sum + (after[counts][name] ?? 0) - (before[counts][name] ?? 0), 0)
  const deliveryMs = isPlaying ? after.deliveryMs : []
  return {
    messages: since('sent', ['direct', 'group']),
    delivered: deliveryMs.length,
    undecryptable: since('retries'),
    notices: since('sent', ['server-sync']),
    reconnects: isPlaying ? after.events.reconnect : 0,
    logins: since('requests', ['passive']),
    waiting: after.waiting,
    failures: isPlaying ? after.failures : 0,
    maxLatenessMs: isPlaying ? after.maxLatenessMs : 0,
    deliveryMs,
  }
}
