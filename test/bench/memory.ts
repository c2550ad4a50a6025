/** Memory of processes that have been started with `collect-garbage.ts`, from /proc. */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** What follows a login: queries, timers, sockets that close. */
const settleMs = 10_000
const collectMs = 2_000

/** Resident bytes of a process. */
export const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** Resident bytes once the process has settled and collected its garbage. */
export async function settledBytes(pid: number): Promise<number> {
  await pause(settleMs)
  process.kill(pid, 'SIGUSR2')
  await pause(collectMs)
  return residentBytes(pid)
}
