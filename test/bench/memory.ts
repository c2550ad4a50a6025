/** Memory of processes that have been started with `collect-garbage.ts`, from /proc. */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Wait for work that follows a login: queries, timers, sockets that close. */
const settleMs = 10_000
const collectMs = 2_000

/** Returns the resident bytes of a process. */
export const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** Returns the resident bytes after the process has become idle and has collected its garbage. */
export async function settledBytes(pid: number): Promise<number> {
  await pause(settleMs)
  process.kill(pid, 'SIGUSR2')
  await pause(collectMs)
  return residentBytes(pid)
}
