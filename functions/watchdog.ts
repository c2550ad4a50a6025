/**
 * Watchdog: ends whatever is overdue, even when no host is alive. Delayed messages wake it. They are sent before the
 * attempt or the reset begins, so that none can go unguarded.
 */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { nextWake } from '#shared/domain/attempt/guard.ts'
import type { CompanyState, Decision } from '#shared/domain/company/company.ts'
import { ForeignState } from '#shared/domain/company/foreign-state.ts'
import type { Clock, CompanyStore, Decided } from '#shared/ports.ts'
import { queueBody, WatchdogMessage } from '#shared/protocol/host-commands.ts'
import { type Context, perform, reserved, stack } from './stack.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { type NudgeDeps, nudgeHost } from './use-cases/nudge-host.ts'
import { type PushDeps, pushNotices } from './use-cases/push-notices.ts'
import { clock, commandQueue, companyStore, log, publisher, telemetry } from './wiring/deps.ts'

export type WatchdogDeps = NudgeDeps &
  PushDeps & { readonly store: CompanyStore; readonly telemetry: Telemetry; readonly clock: Clock }

/** Answer to SQS: it delivers the listed messages again and deletes the others. */
export type BatchResponse = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] }

const BatchEvent = v.object({ Records: v.array(v.object({ messageId: v.string(), body: v.string() })) })
const WatchdogBody = queueBody(WatchdogMessage)
type BatchRecord = v.InferOutput<typeof BatchEvent>['Records'][number]

/** Checks each company that a message names. */
export const watchdog = stack<typeof BatchEvent, WatchdogDeps, BatchResponse>({
  component: 'watchdog',
  failureMessage: 'Could not read a batch; its messages come again',
  event: BatchEvent,
  begin: ({ Records }, deps, context) => ({
    fields: {},
    run: async () => {
      const failed = await Promise.all(Records.map((record) => checkRecord(record, deps, context)))
      return { batchItemFailures: failed.flat() }
    },
  }),
  // Later than the end of the records: one that takes too long must not fail the others.
  reservedMs: reserved.failed,
})

/** Performs one message as a request of its own. Returns its id if it has to come again. */
function checkRecord(
  { messageId, body }: BatchRecord,
  deps: WatchdogDeps,
  context: Context,
): Promise<BatchResponse['batchItemFailures']> {
  const message = v.safeParse(WatchdogBody, body)
  const about = message.success && { companyId: message.output.companyId, correlationId: message.output.correlationId }
  const run = async () => {
    if (!message.success) throw new v.ValiError(message.issues)
    await checkCompany(message.output, deps)
    return []
  }
  const work = { fields: { messageId, ...about }, run, failed: () => [{ itemIdentifier: messageId }] }
  return perform(work, failureOfRecord, context, async () => deps)
}

const failureOfRecord = {
  component: 'watchdog',
  failureMessage: 'Could not check a company; the message comes again',
} as const

/** Ends what is overdue, then wakes itself for the next deadline, for as long as there is what the message guards. */
async function checkCompany(message: WatchdogMessage, deps: WatchdogDeps): Promise<void> {
  const { companyId, correlationId, due } = message
  // Queues delay by whole seconds and by 15 minutes at most, and clocks differ. A message that comes too early is sent
  // again.
  if (due > deps.clock()) return deps.queue.wakeAt(message)
  const decided = await decideUnlessForeign(message, deps)
  if (!decided) return
  if (decided.outcome) {
    deps.log.info('Attempt timed out', { attemptId: decided.outcome, code: decided.state.lastAttempt?.failure?.code })
    // A host that is alive may still have the attempt's socket open.
    await nudgeHost({ companyId, correlationId, fence: decided.state.fence }, deps)
  }
  await pushNotices(companyId, decided, deps)
  const next = nextWake(message, decided.state)
  // Last, because it may fail. Then the message comes again, and this is all that is left to do.
  if (next !== undefined) await deps.queue.wakeAt({ ...message, due: next })
}

/** Decides, or looks again in a minute: a state of a newer build is for that build to decide about (R49a). */
async function decideUnlessForeign(
  message: WatchdogMessage,
  { store, queue, clock, log }: WatchdogDeps,
): Promise<Decided<string | undefined> | undefined> {
  try {
    return await store.decide(message.companyId, endOverdue)
  } catch (error) {
    if (!(error instanceof ForeignState)) throw error
    log.warn('The company has a state of another build; it is looked at again')
    await queue.wakeAt({ ...message, due: clock() + foreignRetryMs })
    return undefined
  }
}

const foreignRetryMs = 60_000

/** Ends what is overdue. The outcome is the id of the attempt that this decision has ended, if it has ended one. */
function endOverdue(state: CompanyState, now: number): Decision<string | undefined> {
  const timed = timeOut(state, now)
  if (!state.attempt || timed.state.attempt) return { ...timed, outcome: undefined }
  // A new fence: the queue would drop a command with the attempt's fence as a repeat of the one that started it.
  return { ...timed, state: { ...timed.state, fence: timed.state.fence + 1 }, outcome: state.attempt.attemptId }
}

const deps = once(
  (): WatchdogDeps => ({
    log: log(),
    store: companyStore(),
    queue: commandQueue(),
    publisher: publisher(),
    telemetry: telemetry(),
    clock,
  }),
)

export const handler = watchdog(deps)
