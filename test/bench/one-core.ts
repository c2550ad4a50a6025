/** Limits processes to cores by `taskset`, which is part of util-linux. */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/**
 * Gives a host the first core, as the default task has one, and all others to the rest. Returns a sentence about it. With a
 * single core, or without `taskset`, nothing is changed.
 */
export function giveOneCore(host: number, rest: readonly number[]): string {
  const cores = availableParallelism()
  if (cores === 1) return 'the machine has one core for everything'
  try {
    pin(host, '0')
    for (const pid of rest) pin(pid, cores === 2 ? '1' : `1-${cores - 1}`)
    return `the host has one core, everything else the other ${cores - 1}`
  } catch (error) {
    return `no core of its own for the host: ${error instanceof Error ? error.message.split('\n')[0] : error}`
  }
}

/** Allows all threads of the process these cores; threads that start later inherit them. */
function pin(pid: number, cores: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' })
}
