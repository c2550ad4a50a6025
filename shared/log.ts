/** The structured log of both runtimes: one JSON object per line, redacted. */
import type { ErrorSpec } from './domain/errors.ts'
import { redact, redactValue } from './redact.ts'

export { redact }

export type LogFields = Readonly<Record<string, unknown>>
type Write = (message: string, fields?: LogFields) => void

export type LogLevel = 'debug' | ErrorSpec['level']

/** Fields go in as they are: phones come out masked; codes, tokens and keys do not come out (R5). */
export type Log = Readonly<Record<LogLevel, Write>> & {
  /** A log whose lines all carry these fields, e.g. the `correlationId` (R37). */
  child(fields: LogFields): Log
}

export type LogOptions = {
  /** Lines below it are left out. */
  readonly level?: LogLevel
  /** Takes one line, without its end. */
  readonly write?: (line: string) => void
  readonly clock?: () => number
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Makes the log of a function or a host; `component` names it in each line. */
export function createLog(component: string, options: LogOptions = {}): Log {
  const { level = 'info', clock = Date.now } = options
  const write = options.write ?? ((line: string) => process.stdout.write(`${line}\n`))
  const log = (fields: LogFields): Log => {
    const writeAt =
      (lineLevel: LogLevel): Write =>
      (message, lineFields) => {
        if (levels.indexOf(lineLevel) < levels.indexOf(level)) return
        const head = { time: new Date(clock()).toISOString(), level: lineLevel, message: redact(message), component }
        write(line(head, { ...fields, ...lineFields }))
      }
    return {
      debug: writeAt('debug'),
      info: writeAt('info'),
      warn: writeAt('warn'),
      error: writeAt('error'),
      child: (more) => log({ ...fields, ...more }),
    }
  }
  return log({})
}

/** The line's own fields stand first and cannot be overwritten. */
function line(head: Record<string, string>, fields: LogFields): string {
  const redacted = redactValue(fields)
  return JSON.stringify({ ...head, ...(typeof redacted === 'object' ? redacted : {}), ...head })
}
