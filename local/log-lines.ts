/** Log lines for people: functions and hosts write JSON, a terminal shows one short line each. */
import { styleText } from 'node:util'
import * as v from 'valibot'

/** Fields that say nothing new on a terminal, or that have a place of their own. */
const hidden = new Set([
  'level',
  'time',
  'message',
  'component',
  'correlationId',
  'errorType',
  'errorMessage',
  'error',
  'stack',
  'hostId',
])

const Entry = v.looseObject({
  level: v.optional(v.pipe(v.string(), v.toLowerCase()), 'info'),
  message: v.optional(v.string(), ''),
})
type Entry = v.InferOutput<typeof Entry>
const Json = v.pipe(v.string(), v.parseJson(), Entry)

/** What a line says, or undefined for one that is for machines only (metrics). */
export function readable(line: string): { readonly level: string; readonly text: string } | undefined {
  const parsed = v.safeParse(Json, line)
  if (!parsed.success) return line.trim() === '' ? undefined : { level: 'info', text: line }
  const entry = parsed.output
  if ('_aws' in entry) return undefined
  const fields = Object.entries(entry).filter(
    ([name, value]) => !hidden.has(name) && value !== undefined && value !== '',
  )
  const parts = [entry.message, ...fields.map(([name, value]) => `${name}=${show(value)}`)]
  return { level: entry.level, text: [parts.filter(Boolean).join(' '), ...errorLines(entry)].join('\n    ') }
}

/** One line of the terminal, or several when there is a stack trace. */
export function terminalLine(source: string, line: string, now: Date): string | undefined {
  const said = readable(line)
  if (said === undefined) return undefined
  const time = styleText('dim', now.toTimeString().slice(0, 8))
  const text =
    said.level === 'error'
      ? styleText('red', said.text)
      : said.level === 'warn'
        ? styleText('yellow', said.text)
        : said.text
  return `${time} ${styleText('cyan', source.padEnd(14))} ${text}`
}

/** An error that was logged by us, or by Lambda's runtime: its message, and where it came from. */
function errorLines(entry: Entry): string[] {
  const error = v.safeParse(LoggedError, entry['error'] ?? entry)
  if (!error.success) return []
  const { name, errorType, message, errorMessage, stack } = error.output
  // Every refused token is one of these: the answer that API Gateway expects of an authorizer.
  if (errorMessage === 'Unauthorized') return ['Unauthorized']
  const title = [name ?? errorType, errorMessage ?? message].filter(Boolean).join(': ')
  const lines = typeof stack === 'string' ? stack.split('\n') : (stack ?? [])
  return [
    title,
    ...lines
      .filter((line) => line.trim().startsWith('at '))
      .slice(0, 6)
      .map((line) => line.trim()),
  ]
}

const text = v.optional(v.string())
const stack = v.optional(v.union([v.string(), v.array(v.string())]))
const details = { name: text, errorType: text, message: text, errorMessage: text, stack }
/** Something with a stack, or an error of Lambda's runtime. */
const LoggedError = v.pipe(
  v.object(details),
  v.check(({ stack, errorType }) => stack !== undefined || errorType !== undefined),
)

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
