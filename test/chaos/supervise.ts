/** Supervises a chaos run from another process. A run that ends without its verdict has failed. */
import { runToEnd, sayEnd } from '../support/run-to-end.ts'

/** Prefix of the last line of every completed run. */
export const verdictPrefix = 'verdict: '

export type Supervision = {
  /** The script of the run, and its arguments. */
  readonly args: readonly string[]
  /** File for every line of the run. */
  readonly journal: string
  readonly say: (line: string) => void
}

/** Runs the script to its end. Returns its exit code, or 1 when there was no verdict. */
export async function supervise({ args, journal, say }: Supervision): Promise<number> {
  const end = await runToEnd({ program: process.execPath, args, journal, onLine: say })
  const hasVerdict = end.lastLines.some((line) => line.startsWith(verdictPrefix))
  if (hasVerdict && end.code !== null) return end.code
  say(`FAILED: the run has no verdict, and ${sayEnd(end)}. Its last line: ${end.lastLines.at(-1) ?? 'none'}`)
  say(`Every line is in ${journal}`)
  return 1
}
