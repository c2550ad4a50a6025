/** Sends a command that makes a host look at a company now. Without it the host would find the decision later. */
import type { CommandQueue } from '#shared/ports.ts'
import type { HostCommand } from '#shared/protocol/host-commands.ts'
import type { Log } from '#shared/telemetry/log.ts'

export type NudgeDeps = { readonly queue: CommandQueue; readonly log: Log }

/** Sends the command. A failure is logged and not thrown, because the decision is already written. */
export async function nudgeHost(command: HostCommand, { queue, log }: NudgeDeps): Promise<void> {
  try {
    await queue.sendCommand(command)
  } catch (error) {
    log.warn('Could not send a command; the host finds the decision later', { companyId: command.companyId, error })
  }
}
