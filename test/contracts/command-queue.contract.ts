/** Contract of `CommandQueue`, for commands to hosts. */
import { describe, expect, test } from 'vitest'
import type { CommandQueue } from '#shared/ports.ts'
import type { HostCommand } from '#shared/protocol/host-commands.ts'

export type CommandQueueSetUp = {
  /** Makes an empty queue; `arrived` removes and returns all commands, in order for each company. */
  make(): Promise<{ readonly queue: CommandQueue; arrived(): Promise<readonly HostCommand[]> }>
}

const aCommand = (overrides: Partial<HostCommand> = {}): HostCommand => ({
  companyId: 'company-1',
  correlationId: 'correlation-1',
  fence: 1,
  ...overrides,
})

const byCompany = (a: HostCommand, b: HostCommand) => (a.companyId < b.companyId ? -1 : 1)

export function describeCommandQueue({ make }: CommandQueueSetUp): void {
  describe('command queue', () => {
    test('a command arrives whole', async () => {
      const { queue, arrived } = await make()
      const commands = ['company-1', 'company-2', 'x'.repeat(64)].map((companyId) =>
        aCommand({ companyId, attemptId: 'attempt-1' }),
      )
      for (const command of commands) await queue.sendCommand(command)
      expect((await arrived()).toSorted(byCompany)).toEqual(commands)
    })

    test('a command that is repeated with the same fence arrives once, with the next fence again', async () => {
      const { queue, arrived } = await make()
      for (const fence of [7, 7, 8, 7]) await queue.sendCommand(aCommand({ fence, correlationId: `c-${fence}` }))
      expect((await arrived()).map(({ fence }) => fence)).toEqual([7, 8])
    })

    test('the first command of another attempt arrives, though its fence was seen before', async () => {
      const { queue, arrived } = await make()
      const attempts = ['attempt-1', 'attempt-1', 'attempt-2', undefined]
      for (const attemptId of attempts) await queue.sendCommand(aCommand(attemptId === undefined ? {} : { attemptId }))
      expect((await arrived()).map(({ attemptId }) => attemptId)).toEqual(['attempt-1', 'attempt-2', undefined])
    })

    test('the same fence of two companies is two commands', async () => {
      const { queue, arrived } = await make()
      for (const companyId of ['company-1', 'company-2']) await queue.sendCommand(aCommand({ companyId }))
      expect(await arrived()).toHaveLength(2)
    })
  })
}
