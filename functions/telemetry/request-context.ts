/** What is known of the request that is being answered, for whatever is said about it on the way (R35, R37). */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type LogFields, withLogFields } from '#shared/telemetry/log.ts'

const userAgents = new AsyncLocalStorage<string | undefined>()

/** Runs `work` so that every line that it causes carries `fields`. */
export const inRequest = <T>(fields: LogFields, userAgent: string | null | undefined, work: () => T): T =>
  withLogFields(fields, () => userAgents.run(userAgent?.slice(0, 256), work))

/** What the client says it is. */
export const currentUserAgent = (): string | undefined => userAgents.getStore()
