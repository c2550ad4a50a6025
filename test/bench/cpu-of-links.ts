/** CPU time of first links. One round that does not count warms up the compilers of both sides. */
import { inParallel } from '#shared/async/in-parallel.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { link, type Stage, startStage } from '../support/stage.ts'
import { type BareProcess, startBare } from './bare-process.ts'
import type { Costs } from './cpu.ts'
import { loopStalls } from './loop-stalls.ts'
import { prodHost } from './prod-host.ts'
import { cpuOf, idleCpuShare } from './settled-cpu.ts'
import type { SimulatorProcess } from './simulator-process.ts'

/** Links at a time. */
const width = 4

/** Measures `count` links in each round. `maxStallMs` is the longest stall of the host's event loop in any round. */
export async function linkCosts(
  simulator: SimulatorProcess,
  rounds: number,
  count: number,
): Promise<{ readonly costs: Costs; readonly maxStallMs: number }> {
  const stalls = await loopStalls()
  const stage = await startStage({
    ...prodHost,
    hosts: 1,
    simulator: simulator.simulator,
    environment: stalls.environment,
  })
  const bare = await startBare(simulator)
  const costs = { host: [] as number[], bare: [] as number[] }
  let maxStallMs = 0
  try {
    const pid = await firstHostPid(stage)
    await linkOnHost(stage, count)
    await linkBare(stage, bare, count)
    const idle = { host: await idleCpuShare(pid), bare: await idleCpuShare(bare.pid) }
    for (let round = 0; round < rounds; round++) {
      await stalls.maxMs(pid)
      const host = await cpuOf(pid, () => linkOnHost(stage, count), idle.host)
      const stallMs = await stalls.maxMs(pid)
      const other = await cpuOf(bare.pid, () => linkBare(stage, bare, count), idle.bare)
      maxStallMs = Math.max(maxStallMs, stallMs)
      costs.host.push((host * 1000) / count)
      costs.bare.push((other * 1000) / count)
    }
  } finally {
    await bare.stop()
    await stage.stop()
    await stalls.remove()
  }
  return { costs, maxStallMs }
}

async function linkOnHost(stage: Stage, count: number): Promise<void> {
  const companies = Array.from({ length: count }, () => stage.fresh())
  await inParallel(companies, width, async ({ companyId, phone }) => {
    const client = await link(stage, companyId, phone)
    await client.close()
  })
}

const linkBare = (stage: Stage, bare: BareProcess, count: number) =>
  bare.order({ link: Array.from({ length: count }, () => stage.fresh().phone.number), width })
