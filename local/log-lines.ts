/** Log lines for people: functions and hosts write JSON, a terminal shows one short line each. */
import { styleText } from 'node:util'
import * as v from 'valibot'

/** Fields that say nothing new on a terminal, or that have a place of their own. */
const hidden = new Set([
  'level',
  'time',
  'timestamp',
  'pid',
  'hostname',
  'name',
  'msg',
  'message',
  'service',
  'component',
  'correlationId',
  'cold_start',
  'sampling_rate',
  'xray_trace_id',
  'function_name',
  'function_arn',
  'function_memory_size',
  'function_request_id',
  'errorType',
  'errorMessage',
  'error',
  'err',
  'stack',
  'host',
  'hostId',
])

const Entry = v.looseObject({
  level: v.optional(v.union([v.string(), v.number()]), 'info'),
  msg: v.optional(v.string()),
  message: v.optional(v.string()),
})
type Entry = v.InferOutput<typeof Entry>
const Json = v.pipe(v.string(), v.parseJson(), Entry)

const pinoLevels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** What a line says, or undefined for one that is for machines only (metrics). */
export function readable(line: string): { readonly level: string; readonly text: string } | undefined {
  const parsed = v.safeParse(Json, line)
  if (!parsed.success) return line.trim() === '' ? undefined : { level: 'info', text: line }
  const entry = parsed.output
  if ('_aws' in entry) return undefined
  const fields = Object.entries(entry).filter(
    ([name, value]) => !hidden.has(name) && value !== undefined && value !== '',
  )
  const parts = [entry.msg ?? entry.message ?? '', ...fields.map(([name, value]) => `${name}=${show(value)}`)]
  return { level: levelOf(entry), text: [parts.filter(Boolean).join(' '), ...errorLines(entry)].join('\n    ') }
}

/** One line of the terminal, or several when there is a stack trace. */
export function terminalLine(source: string, line: string, now: Date): string | undefined {
  const said = readable(line)
  if (said === undefined) return undefined
  const time = styleText('dim', now.toTimeString().slice(0, 8))
  const text =
    said.level === 'error' || said.level === 'fatal'
      ? styleText('red', said.text)
      : said.level === 'warn'
        ? styleText('yellow', said.text)
        : said.text
  return `${time} ${styleText('cyan', source.padEnd(14))} ${text}`
}

function levelOf({ level }: Entry): string {
  return typeof level === 'number' ? (pinoLevels[level] ?? 'info') : level.toLowerCase()
}

/** An error that was logged by pino, by Powertools, or by Lambda's runtime: its message, and where it came from. */
function errorLines(entry: Entry): string[] {
  const error = v.safeParse(LoggedError, entry['err'] ?? entry['error'] ?? entry)
  if (!error.success) return []
  const { name, type, errorType, message, errorMessage, stack } = error.output
  // Every refused token is one of these: the answer that API Gateway expects of an authorizer.
  if (errorMessage === 'Unauthorized') return ['Unauthorized']
  const title = [name ?? type ?? errorType, errorMessage ?? message].filter(Boolean).join(': ')
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
const details = { name: text, type: text, errorType: text, message: text, errorMessage: text, stack }
/** Something with a stack, or an error of Lambda's runtime. */
const LoggedError = v.pipe(
  v.object(details),
  v.check(({ stack, errorType }) => stack !== undefined || errorType !== undefined),
)

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
