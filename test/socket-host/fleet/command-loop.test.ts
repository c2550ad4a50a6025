import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { HostCommand } from '#shared/protocol/host-commands.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { type CommandInbox, commandLoop, type ReceivedMessage } from '../../../socket-host/fleet/command-loop.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

const command = (companyId: string): HostCommand => ({ companyId, correlationId: 'corr', fence: 1 })
const message = (body: unknown): ReceivedMessage => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { body: text, receipt: `receipt of ${text.slice(0, 20)}` }
}

/** A queue whose polls are answered by the test. */
function scriptedInbox() {
  const answers: (readonly ReceivedMessage[] | Error)[] = []
  const deleted: string[] = []
  let polls = 0
  const inbox: CommandInbox = {
    async receive(_, signal) {
      polls += 1
      while (answers.length === 0) {
        await nextTurn()
        signal.throwIfAborted()
      }
      const answer = answers.shift() ?? []
      if (answer instanceof Error) throw answer
      return answer
    },
    delete: async (_, receipt) => {
      deleted.push(receipt)
    },
  }
  return { inbox, answers, deleted, polls: () => polls }
}

function run(accept: (command: HostCommand) => Promise<void>) {
  const clock = fakeClock()
  const queue = scriptedInbox()
  const lines: string[] = []
  const stopping = new AbortController()
  const log = createLog('test', { write: (line) => lines.push(line) })
  const done = commandLoop({ inbox: queue.inbox, time: clock, log, accept }, 3, stopping.signal)
  return {
    ...queue,
    clock,
    lines,
    stop: async () => {
      stopping.abort()
      await done
    },
    abort: () => stopping.abort(),
  }
}

describe('the command loop', () => {
  it('deletes a command once it has been accepted', async () => {
    const accepted: string[] = []
    const loop = run(async ({ companyId }) => void accepted.push(companyId))
    loop.answers.push([message(command('c1')), message(command('c2'))])
    await loop.clock.settle()
    expect(accepted).toEqual(['c1', 'c2'])
    expect(loop.deleted).toHaveLength(2)
    await loop.stop()
  })

  it('leaves a command in the queue that could not be accepted', async () => {
    const loop = run(async () => {
      throw new Error('store away')
    })
    loop.answers.push([message(command('c1'))])
    await loop.clock.settle()
    expect(loop.deleted).toEqual([])
    await loop.stop()
  })

  it.each(['not json', '{}', JSON.stringify({ ...command('c1'), companyId: '../x' }), 'null'])(
    'logs a malformed message and leaves it to the dead-letter queue: %s',
    async (body) => {
      const loop = run(async () => undefined)
      loop.answers.push([message(body)])
      await loop.clock.settle()
      expect(loop.deleted).toEqual([])
      expect(loop.lines.join()).toContain('Malformed command')
      await loop.stop()
    },
  )

  it('goes on receiving while a company is slow', async () => {
    const slow = Promise.withResolvers<void>()
    const accepted: string[] = []
    const loop = run(async ({ companyId }) => {
      if (companyId === 'slow') await slow.promise
      accepted.push(companyId)
    })
    loop.answers.push([message(command('slow'))], [message(command('quick'))])
    await loop.clock.settle()
    expect(accepted).toEqual(['quick'])
    slow.resolve()
    await loop.stop()
  })

  it('survives errors of the queue, waiting longer each time', async () => {
    const accepted: string[] = []
    const loop = run(async ({ companyId }) => void accepted.push(companyId))
    loop.answers.push(new Error('away'), new Error('away'), [message(command('c1'))])
    await loop.clock.advance(150)
    expect(loop.polls()).toBe(1)
    await loop.clock.advance(500)
    expect(accepted).toEqual(['c1'])
    await loop.stop()
  })

  it('deletes nothing after the shard was lost', async () => {
    const slow = Promise.withResolvers<void>()
    const loop = run(() => slow.promise)
    loop.answers.push([message(command('c1'))])
    await loop.clock.settle()
    loop.abort()
    slow.resolve()
    await loop.stop()
    await loop.clock.settle()
    expect(loop.deleted).toEqual([])
  })
})
