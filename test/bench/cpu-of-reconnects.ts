/** CPU time of reconnects: of sessions whose sockets are closed, and of those of a process that starts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { BufferJSON } from '@whiskeysockets/baileys'
import { inParallel } from '#shared/async/in-parallel.ts'
import { linkedCompanion } from '../support/linked-companion.ts'
import { type Linked, loginsOf, restartHosts, seedLinked, type Watched } from '../support/linked-fleet.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { startBare } from './bare-process.ts'
import type { Costs } from './cpu.ts'
import { prodHost } from './prod-host.ts'
import { cpuOf, settledCpu } from './settled-cpu.ts'
import type { SimulatorProcess } from './simulator-process.ts'

const concurrency = 8
const pollMs = 250
const timeoutMs = 600_000

export type ReconnectCosts = {
  readonly restarted: Costs
  readonly closed: Costs
  /** CPU time of a host that starts without sessions; subtracted from those that start with them. */
  readonly emptyMs: number
}

type Scene = {
  readonly simulator: SimulatorProcess
  readonly stage: Stage
  readonly phones: { readonly host: readonly string[]; readonly bare: readonly string[] }
  /** Credentials for bare Baileys. */
  readonly file: string
  readonly emptySeconds: number
}

export async function reconnectCosts(
  simulator: SimulatorProcess,
  rounds: number,
  sessions: number,
): Promise<ReconnectCosts> {
  const folder = await mkdtemp(join(tmpdir(), 'pairplane-bench-'))
  const stage = await startStage({ ...prodHost, hosts: 1, simulator: simulator.simulator })
  try {
    const companies = Array.from({ length: sessions }, (_, index) => companyOf(index, '7901'))
    const bare = Array.from({ length: sessions }, (_, index) => companyOf(index, '7902').phone)
    const emptySeconds = await emptyStart(stage)
    await seedLinked(stage.run, companies, simulator.controlUrl)
    const file = join(folder, 'companions.json')
    await writeFile(file, await seedBare(simulator, bare))
    const phones = { host: companies.map(({ phone }) => phone), bare }
    return await inTurns({ simulator, stage, phones, file, emptySeconds }, rounds)
  } finally {
    await stage.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const companyOf = (index: number, prefix: string): Linked => ({
  companyId: `session-${index}`,
  phone: `${prefix}${1_000_000 + index}`,
})

async function emptyStart(stage: Stage): Promise<number> {
  await restartHosts(stage.run)
  return settledCpu(await firstHostPid(stage))
}

/** Links devices for bare Baileys. Returns their credentials as JSON. */
async function seedBare({ controlUrl }: SimulatorProcess, phones: readonly string[]): Promise<string> {
  const companions = await inParallel(phones, concurrency, async (phone) => {
    const companion = await linkedCompanion(controlUrl, phone)
    // As on every login but the first: Baileys does not wait 20 s for a history.
    companion.creds.accountSyncCounter = 1
    return companion
  })
  return JSON.stringify(companions, BufferJSON.replacer)
}

async function inTurns(scene: Scene, rounds: number): Promise<ReconnectCosts> {
  const sessions = scene.phones.host.length
  const restarted = { host: [] as number[], bare: [] as number[] }
  const closed = { host: [] as number[], bare: [] as number[] }
  const perSession = (seconds: number) => (seconds * 1000) / sessions
  for (let round = 0; round < rounds; round++) {
    for (const [side, measure] of [
      ['host', hostRound],
      ['bare', bareRound],
    ] as const) {
      const found = await measure(scene)
      restarted[side].push(perSession(found.restarted))
      closed[side].push(perSession(found.closed))
    }
  }
  return { restarted, closed, emptyMs: scene.emptySeconds * 1000 }
}

async function hostRound({ simulator, stage, phones, emptySeconds }: Scene) {
  const online = untilLoggedIn(simulator, phones.host)
  await online(() => restartHosts(stage.run))
  const pid = await firstHostPid(stage)
  const restarted = (await settledCpu(pid)) - emptySeconds
  const closed = await cpuOf(pid, () => online(() => closeAll(simulator, phones.host)))
  return { restarted, closed }
}

async function bareRound({ simulator, phones, file }: Scene) {
  const online = untilLoggedIn(simulator, phones.bare)
  const bare = await startBare(simulator)
  try {
    await bare.order({ load: file })
    const restarted = await cpuOf(bare.pid, () => online(() => bare.order({ open: true })))
    const closed = await cpuOf(bare.pid, () => online(() => closeAll(simulator, phones.bare)))
    return { restarted, closed }
  } finally {
    await bare.stop()
  }
}

/** Returns a function that does some work and waits until each phone's device has logged in once more. */
function untilLoggedIn({ simulator, controlUrl }: SimulatorProcess, phones: readonly string[]) {
  const watched: Watched = { url: controlUrl, simulator }
  return async (work: () => Promise<unknown>) => {
    const before = await loginsOf(watched, phones)
    await work()
    const isMissing = (logins: number, index: number) => logins <= (before[index] ?? 0)
    for (const until = performance.now() + timeoutMs; ; await pause(pollMs)) {
      const missing = (await loginsOf(watched, phones)).filter(isMissing).length
      if (missing === 0) return
      if (performance.now() > until) throw new Error(`${missing} of ${phones.length} devices have not logged in again`)
    }
  }
}

async function closeAll({ simulator }: SimulatorProcess, phones: readonly string[]): Promise<void> {
  await inParallel(phones, concurrency, (phone) =>
    simulator.control('POST', `/simulator/phones/${phone}/disrupt`, { how: 'close' }),
  )
}
