/**
 * Logging of Baileys and libsignal. Their own lines contain phones, codes and private keys, so they are filtered (R5).
 */
import { messageOf, printable } from './close-reason.ts'

/** Logger of the adapter: fields first, as in Baileys' own logger. */
export type Log = {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Adds the fields of `about` (company, request, attempt) to every line; `about` is called for each line (R37). */
export const logAbout = (log: Log, about: () => object): Log => ({
  debug: (fields, message) => log.debug({ ...about(), ...fields }, message),
  warn: (fields, message) => log.warn({ ...about(), ...fields }, message),
  error: (fields, message) => log.error({ ...about(), ...fields }, message),
})

/** Logger in the shape that Baileys expects. */
export type BaileysLogger = {
  level: string
  child(): BaileysLogger
  trace(): void
  debug(): void
  info(): void
  warn(fields: unknown, message?: string): void
  error(fields: unknown, message?: string): void
}

/**
 * Drops everything below `warn`. Of a warning or an error it logs only the text and the message of the error, both at
 * level `debug`: what matters arrives as an event too, and trouble of one session must not alert an operator.
 */
export function baileysLogger(log: Log): BaileysLogger {
  const pass = (level: 'warn' | 'error') => (fields: unknown, message?: string) => {
    const words = message ?? (typeof fields === 'string' ? fields : '')
    const error = errorIn(fields)
    log.debug({ library: 'baileys', level, ...(error && { error }) }, printable(words))
  }
  const logger: BaileysLogger = {
    level: 'warn',
    child: () => logger,
    trace: () => {},
    debug: () => {},
    info: () => {},
    warn: pass('warn'),
    error: pass('error'),
  }
  return logger
}

function errorIn(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined
  const found = ['err', 'error', 'e'].map((name) => Reflect.get(fields, name)).find((value) => value instanceof Error)
  return found && messageOf(found)
}

/** First words of the lines in which libsignal prints whole sessions, private keys included. */
const libsignalWords =
  /^(Closing (session|open session)|Opening session|Removing old closed session|Session (already|error)|Failed to decrypt message with any|Decrypted message with closed|Migrating session|V1 session storage|Unhandled bucket type|WARNING: Expected pubkey)/

const methods = ['info', 'warn', 'error'] as const

/** Drops the lines of libsignal from a console; other lines are printed as before. */
export function silenceLibsignal(target: Pick<Console, (typeof methods)[number]>): void {
  for (const method of methods) {
    const print = target[method].bind(target)
    target[method] = (...words: unknown[]) => {
      if (!libsignalWords.test(String(words[0]))) print(...words)
    }
  }
}
