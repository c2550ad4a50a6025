/** Structured log of functions and hosts: one JSON object per line, redacted. */
import type { ErrorSpec } from '../domain/values/errors.ts'
import { currentLogFields, type LogFields } from './log-fields.ts'
import { redact, redactValue } from './redact.ts'

type Write = (message: string, fields?: LogFields) => void

type LogLevel = 'debug' | ErrorSpec['level']

/** A log. Callers pass fields as they are: it masks phones and removes codes, tokens and keys (R5). */
export type Log = Readonly<Record<LogLevel, Write>> & {
  /** Makes a log that adds these fields to each line, such as `correlationId` (R37); a function runs for each line. */
  child(fields: LogFields | (() => LogFields)): Log
}

export type LogOptions = {
  /** Lowest level that is written; `info` by default. */
  readonly level?: LogLevel
  /** Receives one line, without a line break; standard output by default. */
  readonly write?: (line: string) => void
  readonly clock?: () => number
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Makes the log of a function or a host; `component` is its name in each line. */
export function createLog(component: string, options: LogOptions = {}): Log {
  const { level = 'info', clock = Date.now } = options
  const write = options.write ?? ((line: string) => process.stdout.write(`${line}\n`))
  const log = (fieldsNow: () => LogFields): Log => {
    const writeAt =
      (lineLevel: LogLevel): Write =>
      (message, lineFields) => {
        if (levels.indexOf(lineLevel) < levels.indexOf(level)) return
        const head = { time: new Date(clock()).toISOString(), level: lineLevel, message: redact(message), component }
        write(line(head, { ...currentLogFields(), ...fieldsNow(), ...lineFields }))
      }
    return {
      debug: writeAt('debug'),
      info: writeAt('info'),
      warn: writeAt('warn'),
      error: writeAt('error'),
      child: (more) => log(() => ({ ...fieldsNow(), ...(typeof more === 'function' ? more() : more) })),
    }
  }
  return log(() => ({}))
}

/** Formats a line. Its own fields (`head`) come first, and other fields cannot overwrite them. */
function line(head: Record<string, string>, fields: LogFields): string {
  const redacted = redactValue(fields)
  return JSON.stringify({ ...head, ...(typeof redacted === 'object' ? redacted : {}), ...head })
}
