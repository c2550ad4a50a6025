/**
 * Runs a command, keeps its output in a file, and reports how it ended, so that even a silent end of a long run is
 * recorded.
 */
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'

export type End = {
  /** Exit code; null when a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Last lines of both outputs, the latest last. */
  readonly lastLines: readonly string[]
}

export type Command = {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** File for every line of the output, each with its time. */
  readonly journal: string
  readonly onLine?: (line: string) => void
}

const keptLines = 40

/** Resolves when the process has ended and the journal is written. Signals that this process gets are passed on to it. */
export async function runToEnd({ program, args, env = process.env, journal, onLine }: Command): Promise<End> {
  const file = createWriteStream(journal)
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const lastLines: string[] = []
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lastLines.push(line)
      if (lastLines.length > keptLines) lastLines.shift()
      file.write(`${new Date().toISOString()} ${line}\n`)
      onLine?.(line)
    })
  }
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  // SIGINT is not passed on: Ctrl-C reaches the whole process group, and a second SIGINT would mean "at once".
  const wait = () => undefined
  process.on('SIGINT', wait).on('SIGTERM', pass).on('SIGHUP', pass)
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (...end) => resolve(end))
    })
    file.write(`${new Date().toISOString()} ${sayEnd({ code, signal })}\n`)
    return { code, signal, lastLines }
  } finally {
    process.off('SIGINT', wait).off('SIGTERM', pass).off('SIGHUP', pass)
    file.end()
    await finished(file)
  }
}

export const sayEnd = ({ code, signal }: Pick<End, 'code' | 'signal'>): string =>
  signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
