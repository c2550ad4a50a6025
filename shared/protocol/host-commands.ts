/** What travels through the queues. Messages only say "look at this company": what to do stands in its STATE. */
import * as v from 'valibot'
import { CompanyId } from './client-messages.ts'

/** To the host that owns the company's shard. Level-triggered: one that is repeated or late only makes it look once more. */
export const HostCommand = v.object({
  companyId: CompanyId,
  correlationId: v.pipe(v.string(), v.maxLength(128)),
  /** The fence of the decision that sent it, and its attempt: commands with the same two are one to the queue. */
  fence: v.pipe(v.number(), v.integer()),
  attemptId: v.optional(v.string()),
})
export type HostCommand = v.InferOutput<typeof HostCommand>

/** To the watchdog, delayed until something about the company is due (epoch ms). */
export const WatchdogMessage = v.object({
  companyId: CompanyId,
  correlationId: v.string(),
  due: v.pipe(v.number(), v.integer(), v.minValue(0)),
})
export type WatchdogMessage = v.InferOutput<typeof WatchdogMessage>

/** Parses a queue message's body; throws on anything that is not of the schema, so that it goes to the dead letters. */
export const parseQueueBody = <S extends v.GenericSchema>(schema: S, body: string): v.InferOutput<S> =>
  v.parse(schema, JSON.parse(body))
