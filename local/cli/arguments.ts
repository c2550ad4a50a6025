/** Command-line arguments of `npm start` and of the clients: a wrong one is answered with one line and exit code 2. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import * as v from 'valibot'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import { CompanyId } from '#shared/protocol/company-id.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; strict: true; allowPositionals: true }>>

/** A mistake of the person at the keyboard: one line, shown without a stack. */
export class UsageError extends Error {}

/**
 * The arguments, each value in one word with its flag, so that nothing can be taken for something else; or one line about
 * the first that is wrong. `words` is how many arguments may stand without a flag.
 */
export function checkArguments(
  args: readonly string[],
  options: Options,
  words = 0,
): Result<readonly string[], string> {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const checked: string[] = []
  let wordsLeft = words
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (wordsLeft-- <= 0) return err(`"${token.value}" belongs to no flag: npm passes flags on only behind a --`)
      checked.push(token.value)
    } else if (token.kind === 'option') {
      const complaint = complaintAbout(token, Object.hasOwn(options, token.name) ? options[token.name] : undefined)
      if (complaint) return err(complaint)
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

function complaintAbout(
  { rawName, value, inlineValue }: Flag,
  option: Options[string] | undefined,
): string | undefined {
  if (option === undefined) return `There is no flag ${rawName}`
  if (option.type === 'boolean') return value === undefined ? undefined : `${rawName} takes no value`
  // The next flag is no value: whoever means one that begins so writes `--flag=--value`.
  const isMissing = !value || (!inlineValue && value.startsWith('--'))
  return isMissing ? `${rawName} needs a value` : undefined
}

/** Parses a client's arguments; `--help` prints the usage and exits. */
export function parseOptions<const O extends Options>(options: O, usage: string, words = 0): Parsed<O> {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    process.exit(0)
  }
  const checked = checkArguments(args, options, words)
  if (!checked.ok) throw new UsageError(checked.error)
  return parseArgs({ args: [...checked.value], options, strict: true, allowPositionals: true }) as Parsed<O>
}

/** A company id as it is; one that cannot be any is a mistake in `argument`. */
export function parseCompany(argument: string, value: string): string {
  if (v.is(CompanyId, value)) return value
  throw new UsageError(`${argument} must have 1 to 64 letters, digits, _ or -, not "${value}"`)
}

/** Runs a client's main function; its number is the exit code. `help` is the command that explains all arguments. */
export async function runMain(help: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main()
  } catch (error) {
    const isUsage = error instanceof UsageError
    console.error(isUsage ? `${error.message}. See ${help}` : error instanceof Error ? error.message : error)
    process.exitCode = isUsage ? 2 : 1
  }
}
