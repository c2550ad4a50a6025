/** Log lines for a terminal: functions and hosts write JSON, a terminal shows one short line each. */
import { styleText } from 'node:util'
import * as v from 'valibot'

/** Fields that add nothing on a terminal, or that are shown elsewhere in the line. */
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

/** Returns level and text of a line; undefined for a line that is not for people (metrics). */
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

/** Formats a log line for the terminal; a stack trace adds lines. Undefined for a line that is not shown. */
export function terminalLine(source: string, line: string, now: Date): string | undefined {
  const entry = readable(line)
  if (entry === undefined) return undefined
  const time = styleText('dim', now.toTimeString().slice(0, 8))
  const text =
    entry.level === 'error'
      ? styleText('red', entry.text)
      : entry.level === 'warn'
        ? styleText('yellow', entry.text)
        : entry.text
  return `${time} ${styleText('cyan', source.padEnd(14))} ${text}`
}

/** Returns message and stack of an error that our own code or Lambda's runtime logged. */
function errorLines(entry: Entry): string[] {
  const error = v.safeParse(LoggedError, entry['error'] ?? entry)
  if (!error.success) return []
  const { name, errorType, message, errorMessage, stack } = error.output
  // The authorizer throws this for every invalid token, as API Gateway requires: a stack would add nothing.
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
/** An object with a stack, or an error of Lambda's runtime. */
const LoggedError = v.pipe(
  v.object(details),
  v.check(({ stack, errorType }) => stack !== undefined || errorType !== undefined),
)

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
