/** Fields of the log lines of one request. A file of its own, so that the authorizer can set them without the log. */
import { AsyncLocalStorage } from 'node:async_hooks'

export type LogFields = Readonly<Record<string, unknown>>

const context = new AsyncLocalStorage<LogFields>()

/** Runs `work` and adds these fields to every line written meanwhile, also by logs that were made before (R37). */
export const withLogFields = <T>(fields: LogFields, work: () => T): T =>
  context.run({ ...context.getStore(), ...fields }, work)

/** Fields that `withLogFields` has set for the running work. */
export const currentLogFields = (): LogFields | undefined => context.getStore()
