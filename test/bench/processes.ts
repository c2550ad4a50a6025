/** Starts the measured programs as processes of their own, and stops them. They end when this process does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pidOf } from '../support/process-ids.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const endWithParent = new URL('../../local/hosts/end-with-parent.ts', import.meta.url).href

export type Program = {
  /** The output line that starts with `ready`. */
  readonly ready: string
  readonly readyAfterMs: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

/**
 * Starts a script of the project and waits for its `ready` line. Throws an error with the output when the script ends
 * before that.
 */
export async function startProgram(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const start = performance.now()
  const child = spawn(process.execPath, ['--import', endWithParent, script, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { ready, lines } = await readyLine(child)
  if (ready === undefined) throw new Error(`${script} ended before it was ready:\n${lines.join('\n')}`)
  return {
    ready,
    readyAfterMs: performance.now() - start,
    pid: pidOf(child),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGINT')
      await exited
    },
  }
}

async function readyLine(child: ChildProcess): Promise<{ ready: string | undefined; lines: string[] }> {
  const lines: string[] = []
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      if (lines.length < 200) lines.push(line)
      if (line.startsWith('ready')) resolve(line)
    })
  }
  child.once('exit', () => resolve(undefined))
  return { ready: await promise, lines }
}

/** Returns the value of `key=value` in a ready line. */
export function readySetting(line: string, key: string): string {
  const value = new RegExp(`\\b${key}=(\\S+)`).exec(line)?.[1]
  if (value === undefined) throw new Error(`no ${key}= in: ${line}`)
  return value
}
