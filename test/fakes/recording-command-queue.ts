/** A command queue that records the commands that were sent, and derives those that would arrive. */
import type { CommandQueue } from '#shared/ports.ts'
import type { HostCommand, WatchdogMessage } from '#shared/protocol/host-commands.ts'

export type RecordingCommandQueue = CommandQueue & {
  /** All that was sent, repeated commands too. */
  readonly commands: HostCommand[]
  readonly wakes: WatchdogMessage[]
  /** Commands as hosts receive them. */
  arrived(): readonly HostCommand[]
}

/** Makes the queue. `check` runs before each call, which fails with what `check` throws. */
export function recordingCommandQueue(
  check: (call: 'sendCommand' | 'wakeAt') => void = () => undefined,
): RecordingCommandQueue {
  const commands: HostCommand[] = []
  const wakes: WatchdogMessage[] = []
  return {
    commands,
    wakes,
    arrived: () => commands.filter((command, index) => commands.findIndex((other) => isSame(other, command)) === index),
    async sendCommand(command) {
      check('sendCommand')
      commands.push(command)
    },
    async wakeAt(message) {
      check('wakeAt')
      wakes.push(message)
    },
  }
}

const isSame = (a: HostCommand, b: HostCommand) =>
  a.companyId === b.companyId && a.fence === b.fence && a.attemptId === b.attemptId
