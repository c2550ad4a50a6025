/** Calls a host's attention to a decision that it would find out about by itself, only later. */
import type { Log } from '#shared/log.ts'
import type { Clock, CommandQueue } from '#shared/ports.ts'
import type { HostCommand } from '#shared/protocol/host-commands.ts'

export type NudgeDeps = { readonly queue: CommandQueue; readonly clock: Clock; readonly log: Log }

/** Milliseconds for which a nudge is worth delivering. */
const nudgeMs = 60_000

/** Sends the command; a failure is logged, since the decision stands without it. */
export async function nudgeHost(
  command: Omit<HostCommand, 'deadline'>,
  { queue, clock, log }: NudgeDeps,
): Promise<void> {
  try {
    await queue.sendCommand({ ...command, deadline: clock() + nudgeMs })
  } catch (error) {
    log.warn('The host could not be called; it finds out by itself', { companyId: command.companyId, error })
  }
}
