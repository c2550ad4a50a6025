/** Receives the commands of one shard while this host owns it; each makes the host look at a company. */
import * as v from 'valibot'
import { HostCommand } from '#shared/protocol/host-commands.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { pause, type Time } from '../time.ts'

export type ReceivedMessage = { readonly body: string; readonly receipt: string }

/** The shard's queue. Messages that are not deleted come again; in the end they go to the dead-letter queue. */
export type CommandInbox = {
  /** Waits for messages; rejects when the signal aborts. */
  receive(shard: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]>
  delete(shard: number, receipt: string): Promise<void>
}

export type CommandLoopDeps = {
  readonly inbox: CommandInbox
  readonly time: Time
  readonly log: Log
  /** Takes the command on: resolves when the company's state has been read and acted on. */
  readonly accept: (command: HostCommand) => Promise<void>
}

const firstPauseMs = 200
const maxPauseMs = 5000

/** Runs until the signal aborts. Errors make it wait, never end. */
export async function commandLoop(deps: CommandLoopDeps, shard: number, signal: AbortSignal): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      const messages = await deps.inbox.receive(shard, signal)
      failures = 0
      // Not awaited: a slow company must not hold up the others; its own group stays locked until the message is deleted.
      for (const message of messages) void handle(deps, shard, message, signal)
    } catch (error) {
      if (signal.aborted) return
      deps.log.warn('commands could not be received', { shard, error })
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
  if (!command) return log.error('bad command, left to the dead-letter queue', { shard })
  const { companyId, correlationId } = command
  if (signal.aborted) return
  try {
    await accept(command)
    if (!signal.aborted) await inbox.delete(shard, receipt)
    log.debug('command accepted', { shard, companyId, correlationId })
  } catch (error) {
    log.warn('command not accepted, it will come again', { shard, companyId, correlationId, error })
  }
}

function parseCommand(body: string): HostCommand | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), HostCommand), body)
  return parsed.success ? parsed.output : undefined
}
