/** A command queue that notes what was sent; a command that is repeated with the same fence arrives once. */
import type { CommandQueue } from '#shared/ports.ts'
import type { HostCommand, WatchdogMessage } from '#shared/protocol/host-commands.ts'

export type RecordingCommandQueue = CommandQueue & {
  readonly commands: HostCommand[]
  readonly wakeUps: WatchdogMessage[]
  /** Makes every call fail from here on, as when SQS is away. */
  breakDown(): void
  repair(): void
}

export function recordingCommandQueue(): RecordingCommandQueue {
  const commands: HostCommand[] = []
  const wakeUps: WatchdogMessage[] = []
  let isDown = false
  const answer = async () => {
    await Promise.resolve()
    if (isDown) throw new Error('The queue is away')
  }
  return {
    commands,
    wakeUps,
    breakDown: () => {
      isDown = true
    },
    repair: () => {
      isDown = false
    },
    async sendCommand(command) {
      await answer()
      const isRepeated = commands.some(
        ({ companyId, fence }) => companyId === command.companyId && fence === command.fence,
      )
      if (!isRepeated) commands.push(command)
    },
    async wakeAt(message) {
      await answer()
      wakeUps.push(message)
    },
  }
}
