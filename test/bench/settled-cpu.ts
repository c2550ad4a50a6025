/** CPU time of work that goes on after its visible end: uploads of keys, writes, garbage collection. */
import { setTimeout as pause } from 'node:timers/promises'
import { cpuSeconds } from './cpu-time.ts'

const windowMs = 2_000
/** Share of a core below which a process counts as idle. A host with a thousand sessions uses half of it for keep-alives. */
const idleShare = 0.1
const timeoutMs = 60_000

/** Returns the CPU seconds of the process when it has become idle. Throws an error when it does not within a minute. */
export async function settledCpu(pid: number): Promise<number> {
  const until = performance.now() + timeoutMs
  for (let before = cpuSeconds(pid); ; ) {
    await pause(windowMs)
    const now = cpuSeconds(pid)
    if (now - before < (idleShare * windowMs) / 1000) return now
    if (performance.now() > until) throw new Error(`process ${pid} did not become idle`)
    before = now
  }
}

/**
 * Returns the CPU seconds that the process uses for `work` and for what follows it, without the share of a core that it
 * uses anyway (`idle`): leases and keep-alives go on while the work waits for others.
 */
export async function cpuOf(pid: number, work: () => Promise<unknown>, idle = 0): Promise<number> {
  const [before, startedAt] = [await settledCpu(pid), performance.now()]
  await work()
  const used = (await settledCpu(pid)) - before
  return used - (idle * (performance.now() - startedAt)) / 1000
}

const idleMs = 10_000

/** Returns the share of a core that the process uses without work. */
export async function idleCpuShare(pid: number): Promise<number> {
  const before = await settledCpu(pid)
  await pause(idleMs)
  return (cpuSeconds(pid) - before) / (idleMs / 1000)
}
