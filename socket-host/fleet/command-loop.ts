/** Receives the commands of one shard while this host owns it. Each command names a company to reconcile. */
import * as v from 'valibot'
import { HostCommand, queueBody } from '#shared/protocol/host-commands.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { pause, type Time } from '../time.ts'

export type ReceivedMessage = { readonly body: string; readonly receipt: string }

/**
 * The queue of a shard. A message that is not deleted is delivered again, and in the end goes to the dead-letter queue.
 */
export type CommandInbox = {
  /** Waits for messages. Rejects when the signal aborts. */
  receive(shard: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]>
  delete(shard: number, receipt: string): Promise<void>
}

export type CommandLoopDeps = {
  readonly inbox: CommandInbox
  readonly time: Time
  readonly log: Log
  /** Resolves when the company has been reconciled; only then is the message deleted. */
  readonly accept: (command: HostCommand) => Promise<void>
}

const firstPauseMs = 200
const maxPauseMs = 5000

/** Runs until the signal aborts. An error of the queue delays the next poll but does not end the loop. */
export async function commandLoop(deps: CommandLoopDeps, shard: number, signal: AbortSignal): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      const messages = await deps.inbox.receive(shard, signal)
      failures = 0
      // Not awaited: a slow company must not delay the others. Its own message group stays locked until its message is
      // deleted.
      for (const message of messages) void handle(deps, shard, message, signal)
    } catch (error) {
      if (signal.aborted) return
      deps.log.warn('Could not receive commands', { shard, error })
      await pause(deps.time, Math.min(maxPauseMs, firstPauseMs * 2 ** failures++), signal)
    }
  }
}

async function handle(
  { inbox, log, accept }: CommandLoopDeps,
  shard: number,
  { body, receipt }: ReceivedMessage,
  signal: AbortSignal,
): Promise<void> {
  const command = parseCommand(body)
  if (!command) return log.error('Malformed command, left to the dead-letter queue', { shard })
  const { companyId, correlationId } = command
  if (signal.aborted) return
  try {
    await accept(command)
    if (!signal.aborted) await inbox.delete(shard, receipt)
    log.debug('Command accepted', { shard, companyId, correlationId })
  } catch (error) {
    log.warn('Command not accepted, the queue will deliver it again', { shard, companyId, correlationId, error })
  }
}

function parseCommand(body: string): HostCommand | undefined {
  const parsed = v.safeParse(queueBody(HostCommand), body)
  return parsed.success ? parsed.output : undefined
}
