/** A socket host: the container's command as a child process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Log } from '../invoke/outcome.ts'
import type { Container } from '../template/cloud.ts'

export type HostProcess = {
  readonly hostId: string
  readonly pid: number | undefined
  /** Resolves when the process has ended, with words about how it ended. */
  readonly ended: Promise<string>
  /** Last lines of its output. */
  readonly lastLines: readonly string[]
  kill(signal: NodeJS.Signals): void
}

const keptLines = 30

/** Starts a host in its image's folder. Its environment has only the given variables and `HOST_ID`. */
export function startHostProcess(
  container: Container,
  hostId: string,
  env: Readonly<Record<string, string>>,
  preloads: readonly string[],
  log: Log,
): HostProcess {
  const [program, ...args] = container.command
  if (program !== 'node') throw new Error(`The container runs ${program}; the local run can only run node`)
  const imports = [new URL('./end-with-parent.ts', import.meta.url).href, ...preloads].flatMap((url) => [
    '--import',
    url,
  ])
  const child = spawn(process.execPath, [...imports, ...args], {
    cwd: container.folder,
    env: { ...env, HOST_ID: hostId },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const lastLines: string[] = []
  for (const output of [child.stdout, child.stderr]) {
    if (output === null) continue
    createInterface({ input: output }).on('line', (line) => {
      lastLines.push(line)
      if (lastLines.length > keptLines) lastLines.shift()
      log(hostId, line)
    })
  }
  return { hostId, pid: child.pid, lastLines, ended: endOf(child), kill: (signal) => void child.kill(signal) }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not start: ${error.message}`))
    child.once('close', (code, signal) => resolve(signal === null ? `exited with ${code}` : `was ended by ${signal}`))
  })
}
