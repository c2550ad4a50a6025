/** The structured log of both runtimes: one JSON object per line, redacted. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ErrorSpec } from '../domain/values/errors.ts'
import { redact, redactValue } from './redact.ts'

export type LogFields = Readonly<Record<string, unknown>>
type Write = (message: string, fields?: LogFields) => void

type LogLevel = 'debug' | ErrorSpec['level']

/** Fields go in as they are: phones come out masked; codes, tokens and keys do not come out (R5). */
export type Log = Readonly<Record<LogLevel, Write>> & {
  /** A log whose lines all carry these fields, e.g. the `correlationId` (R37); a function is asked for each line. */
  child(fields: LogFields | (() => LogFields)): Log
}

const context = new AsyncLocalStorage<LogFields>()

/** Runs `work` so that all lines of it carry these fields, those of parts too that were made long before it (R37). */
export const withLogFields = <T>(fields: LogFields, work: () => T): T =>
  context.run({ ...context.getStore(), ...fields }, work)

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
  const log = (fieldsNow: () => LogFields): Log => {
    const writeAt =
      (lineLevel: LogLevel): Write =>
      (message, lineFields) => {
        if (levels.indexOf(lineLevel) < levels.indexOf(level)) return
        const head = { time: new Date(clock()).toISOString(), level: lineLevel, message: redact(message), component }
        write(line(head, { ...context.getStore(), ...fieldsNow(), ...lineFields }))
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

/** The line's own fields stand first and cannot be overwritten. */
function line(head: Record<string, string>, fields: LogFields): string {
  const redacted = redactValue(fields)
  return JSON.stringify({ ...head, ...(typeof redacted === 'object' ? redacted : {}), ...head })
}
