/** What Baileys and libsignal say, made fit for our logs: their lines carry phones, codes and private keys (R5). */
import { messageOf, printable } from './close-reason.ts'

/** The adapter's view of a logger: fields first, as the library has them. */
export type Log = {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A log whose lines all carry what `about` says when they are written: company, request, attempt (R37). */
export const logAbout = (log: Log, about: () => object): Log => ({
  debug: (fields, message) => log.debug({ ...about(), ...fields }, message),
  warn: (fields, message) => log.warn({ ...about(), ...fields }, message),
  error: (fields, message) => log.error({ ...about(), ...fields }, message),
})

/** The logger that Baileys is given. */
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
 * Drops everything below `warn`, and of the rest passes on the words and the error's message alone. Both arrive as
 * `debug`: what matters of them arrives as an event too, and a session's trouble is no alert of ours.
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

/** libsignal prints whole sessions, private keys included, with these words in front. */
const libsignalWords =
  /^(Closing (session|open session)|Opening session|Removing old closed session|Session (already|error)|Failed to decrypt message with any|Decrypted message with closed|Migrating session|V1 session storage|Unhandled bucket type|WARNING: Expected pubkey)/

const methods = ['info', 'warn', 'error'] as const

/** Keeps libsignal from printing; everybody else's console is as it was. */
export function silenceLibsignal(target: Pick<Console, (typeof methods)[number]>): void {
  for (const method of methods) {
    const print = target[method].bind(target)
    target[method] = (...words: unknown[]) => {
      if (!libsignalWords.test(String(words[0]))) print(...words)
    }
  }
}
