/** Calls a host's attention to a decision that it would find out about by itself, only later. */
import type { CommandQueue } from '#shared/ports.ts'
import type { HostCommand } from '#shared/protocol/host-commands.ts'
import type { Log } from '#shared/telemetry/log.ts'

export type NudgeDeps = { readonly queue: CommandQueue; readonly log: Log }

/** Sends the command; a failure is logged, since the decision stands without it. */
export async function nudgeHost(command: HostCommand, { queue, log }: NudgeDeps): Promise<void> {
  try {
    await queue.sendCommand(command)
  } catch (error) {
    log.warn('The host could not be called; it finds out by itself', { companyId: command.companyId, error })
  }
}
