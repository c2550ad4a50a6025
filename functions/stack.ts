/**
 * Stack around every function: parses the event, enters the context of the request, runs its work within the time that
 * Lambda leaves, records and answers a failure, and flushes the telemetry before the answer
 * (docs/decisions/0006-one-stack-around-functions.md).
 */
import * as v from 'valibot'
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import type { LogFields } from '#shared/telemetry/log-fields.ts'
import type { FailureKind, Reporting } from './failures.ts'
import { inRequest } from './telemetry/request-context.ts'

/** Lambda's context, as far as we read it. A local call may not tell the remaining time. */
export type Context = { readonly getRemainingTimeInMillis?: () => number }

/** One request. `fields` go to its log lines and reports. Without `failed`, an error of `run` is thrown again. */
export type Work<Answer> = {
  readonly fields: LogFields
  readonly userAgent?: string | null | undefined
  readonly run: () => Promise<Answer>
  readonly failed?: ((failure: Failure) => Answer | Promise<Answer>) | undefined
}

/** Dependencies that the stack itself needs. The authorizer loads them on demand, because it must stay small. */
export type StackDeps = Reporting | { readonly loadReporting: () => Promise<Reporting> }

export type StackSpec<Schema extends v.GenericSchema, Deps, Answer> = FailureKind & {
  readonly event: Schema
  /** Makes the work of an event. Must not throw. */
  readonly begin: (event: v.InferOutput<Schema>, deps: Deps, context: Context) => Work<Answer>
  /** Answers an event that is malformed, which API Gateway and SQS do not send. Without it, the error is thrown. */
  readonly malformed?: Work<Answer>['failed']
  /** Milliseconds before Lambda's end by which `run` must be over. */
  readonly reservedMs?: number
}

/**
 * Milliseconds before Lambda's end by which the work, the answer to its failure, and the flush must be over. If Lambda
 * stops a function, API Gateway answers with a message of its own, and nothing is logged.
 */
export const reserved = { run: 700, failed: 400, flush: 100 } as const

/** Makes a function. Its handler gets the dependencies from `makeDeps`, which requests call and the start does not. */
export const stack =
  <Schema extends v.GenericSchema, Deps extends StackDeps, Answer>(spec: StackSpec<Schema, Deps, Answer>) =>
  (makeDeps: () => Deps) =>
  async (rawEvent: unknown, context: Context = {}): Promise<Answer> => {
    const deps = makeDeps()
    let reporting = reportingAtHand(deps)
    const loadReporting = async () => (reporting ??= await loadedReporting(deps))
    const event = v.safeParse(spec.event, rawEvent)
    const work = event.success ? spec.begin(event.output, deps, context) : unknownEvent(event.issues, spec.malformed)
    try {
      return await perform(work, spec, context, loadReporting)
    } finally {
      await within(reserved.flush, context, Promise.resolve(reporting?.telemetry?.finish()), () => undefined)
    }
  }

/** Performs one request, without the flush: a batch has many requests and one flush. */
export function perform<Answer>(
  work: Work<Answer>,
  spec: FailureKind & { readonly reservedMs?: number },
  context: Context,
  loadReporting: () => Promise<Reporting>,
): Promise<Answer> {
  return inRequest(work.fields, work.userAgent, async () => {
    try {
      return await within(spec.reservedMs ?? reserved.run, context, work.run(), timeIsUp)
    } catch (error) {
      // Loaded by a failure only: it has the sentences of all error codes, which the authorizer must start without.
      const { recordFailure } = await import('./failures.ts')
      const failure = recordFailure(error, spec, work.fields, await loadReporting())
      if (!work.failed) throw error
      return await within(reserved.failed, context, Promise.resolve(work.failed(failure)), timeIsUp)
    }
  })
}

const reportingAtHand = (deps: StackDeps): Reporting | undefined => ('log' in deps ? deps : undefined)

const loadedReporting = (deps: StackDeps): Promise<Reporting> | Reporting =>
  'log' in deps ? deps : deps.loadReporting()

const unknownEvent = <Answer>(
  issues: [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]],
  failed: Work<Answer>['failed'],
): Work<Answer> => ({ fields: {}, run: () => Promise.reject(new v.ValiError(issues)), failed })

/** Waits for `work` until `reservedMs` before Lambda's end, and then for nothing more than `timeUp`. */
async function within<T, Late>(reservedMs: number, context: Context, work: Promise<T>, timeUp: () => Late) {
  const remaining = context.getRemainingTimeInMillis?.()
  return remaining === undefined ? work : waitAtMost(Math.max(0, remaining - reservedMs), work, timeUp)
}

function timeIsUp(): never {
  throw Object.assign(new Error('The time of the function is up'), { name: 'TimeoutError' })
}
