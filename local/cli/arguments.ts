/** Command-line arguments of `npm start` and of the clients. An invalid one gives one line and exit code 2. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import * as v from 'valibot'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import { CompanyId } from '#shared/protocol/company-id.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; strict: true; allowPositionals: true }>>

/** A mistake in the command line. Its message is one line and is shown without a stack. */
export class UsageError extends Error {}

/**
 * Returns the arguments with each value joined to its flag (`--flag=value`), so that no value can be mistaken for a flag; or
 * one line about the first invalid argument. `maxPositionals` is the number of arguments allowed without a flag.
 */
export function checkArguments(
  args: readonly string[],
  options: Options,
  maxPositionals = 0,
): Result<readonly string[], string> {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const checked: string[] = []
  let positionalsLeft = maxPositionals
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (positionalsLeft-- <= 0)
        return err(`Unexpected argument "${token.value}": npm passes flags on only after a --`)
      checked.push(token.value)
    } else if (token.kind === 'option') {
      const problem = problemWith(token, Object.hasOwn(options, token.name) ? options[token.name] : undefined)
      if (problem) return err(problem)
      checked.push(token.value === undefined ? token.rawName : `${token.rawName}=${token.value}`)
    }
  }
  return ok(checked)
}

type Flag = {
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function problemWith({ rawName, value, inlineValue }: Flag, option: Options[string] | undefined): string | undefined {
  if (option === undefined) return `Unknown flag ${rawName}`
  if (option.type === 'boolean') return value === undefined ? undefined : `${rawName} takes no value`
  // The next flag is not a value. A value that begins with `--` is written as `--flag=--value`.
  const isMissing = !value || (!inlineValue && value.startsWith('--'))
  return isMissing ? `${rawName} needs a value` : undefined
}

/** Parses a client's arguments; `--help` prints the usage and exits. Throws a UsageError for an invalid argument. */
export function parseOptions<const O extends Options>(options: O, usage: string, maxPositionals = 0): Parsed<O> {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    process.exit(0)
  }
  const checked = checkArguments(args, options, maxPositionals)
  if (!checked.ok) throw new UsageError(checked.error)
  return parseArgs({ args: [...checked.value], options, strict: true, allowPositionals: true }) as Parsed<O>
}

/** Returns a valid company id unchanged. Throws a UsageError that names `argument` otherwise. */
export function parseCompany(argument: string, value: string): string {
  if (v.is(CompanyId, value)) return value
  throw new UsageError(`${argument} must have 1 to 64 letters, digits, _ or -, not "${value}"`)
}

/** Runs a client's main function, which returns the exit code. `help` is the command that explains all arguments. */
export async function runMain(help: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main()
  } catch (error) {
    const isUsage = error instanceof UsageError
    console.error(isUsage ? `${error.message}. See ${help}` : error instanceof Error ? error.message : error)
    process.exitCode = isUsage ? 2 : 1
  }
}
