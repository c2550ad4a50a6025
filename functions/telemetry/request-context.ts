/** Context of the current request, for its log lines and reports (R35, R37). */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type LogFields, withLogFields } from '#shared/telemetry/log-fields.ts'

const userAgents = new AsyncLocalStorage<string | undefined>()

/** Runs `work` so that all its log lines carry `fields`, and `currentUserAgent` returns the client's. */
export const inRequest = <T>(fields: LogFields, userAgent: string | null | undefined, work: () => T): T =>
  withLogFields(fields, () => userAgents.run(userAgent?.slice(0, 256), work))

/** User agent of the current request, at most 256 characters. */
export const currentUserAgent = (): string | undefined => userAgents.getStore()
