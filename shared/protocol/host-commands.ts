/** Queue messages. They only say which company to look at; its `STATE` says what to do. */
import * as v from 'valibot'
import { CompanyId } from './client-messages.ts'

/** Command to the host that owns the company's shard. A repeated or late one only makes the host look once more. */
export const HostCommand = v.object({
  companyId: CompanyId,
  correlationId: v.pipe(v.string(), v.maxLength(128)),
  /** The company's fence after the decision; the queue drops a command with the same fence and attempt. */
  fence: v.pipe(v.number(), v.integer()),
  attemptId: v.optional(v.string()),
})
export type HostCommand = v.InferOutput<typeof HostCommand>

/**
 * Message to the watchdog, delayed until something about the company is due (epoch ms). The watchdog may send it again,
 * with the fields that only a newer build knows (R49a).
 */
export const WatchdogMessage = v.looseObject({
  companyId: CompanyId,
  correlationId: v.string(),
  due: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Reason to go on (`shared/domain/attempt/guard.ts`); messages of older builds have none, and go on while they can. */
  chain: v.optional(v.string()),
  generation: v.optional(v.string()),
  until: v.optional(v.number()),
})
export type WatchdogMessage = v.InferOutput<typeof WatchdogMessage>

/** Schema of the body of a queue message. SQS moves a message that does not fit it to the dead-letter queue. */
export const queueBody = <const S extends v.GenericSchema>(schema: S) => v.pipe(v.string(), v.parseJson(), schema)
