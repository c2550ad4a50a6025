/** Command-line arguments of the clients: a wrong one is answered with a sentence and exit code 2. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; strict: true; allowPositionals: true }>>

/** A mistake of the person at the keyboard: shown as it is, without a stack. */
export class UsageError extends Error {}

/** Parses options strictly; `--help` prints the usage and exits. */
export function parseOptions<const O extends Options>(options: O, usage: string, allowPositionals = false): Parsed<O> {
  if (process.argv.slice(2).includes('--help')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parseArgs({ options, strict: true, allowPositionals }) as Parsed<O>
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${error.message}\n\n${usage}`)
    throw error
  }
}

/** Runs a client's main function; its number is the exit code. */
export async function runMain(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = error instanceof UsageError ? 2 : 1
  }
}
