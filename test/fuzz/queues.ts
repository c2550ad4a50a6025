/** Fuzz targets for messages in the queues. */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import * as v from 'valibot'
import { HostCommand } from '#shared/protocol/host-commands.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { commandLoop, type ReceivedMessage } from '../../socket-host/fleet/command-loop.ts'
import { fakeClock } from '../fakes/fake-clock.ts'
import { company, makeWorld, start, watch } from '../functions/support.ts'
import { anyJson, type FuzzTarget, mutated, target, text } from './target.ts'

const asBodies = (message: object) =>
  fc.array(
    fc.oneof(
      fc.constant(JSON.stringify(message)),
      mutated(fc.constant(message)).map((value) => JSON.stringify(value)),
      anyJson.map((value) => JSON.stringify(value)),
      text,
    ),
    { maxLength: 6 },
  )

const wake = { companyId: company, correlationId: 'c1', due: start }

const watchdog = target('messages of the watchdog', asBodies(wake), async (bodies) => {
  const world = makeWorld()
  const Records = [...bodies, JSON.stringify(wake)].map((body, n) => ({ messageId: `m${n}`, body }))
  const { batchItemFailures } = await watch({ Records }, world)
  const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
  assert(!failed.includes(`m${bodies.length}`), 'a good message suffers from a bad one')
})

const command = { companyId: company, correlationId: 'c1', fence: 1 }

const commands = target('commands to hosts', asBodies(command), async (bodies) => {
  const stopping = new AbortController()
  const accepted: HostCommand[] = []
  const batches: ReceivedMessage[][] = [
    bodies.map((body, n) => ({ body, receipt: `r${n}` })),
    [{ body: JSON.stringify({ ...command, companyId: 'the-last' }), receipt: 'last' }],
  ]
  const inbox = {
    async receive(): Promise<readonly ReceivedMessage[]> {
      await nextTurn()
      const batch = batches.shift()
      if (!batch) stopping.abort()
      return batch ?? []
    },
    delete: async () => {},
  }
  const log = createLog('fuzz', { write: () => {} })
  const accept = async (received: HostCommand) => void accepted.push(received)
  await commandLoop({ inbox, time: fakeClock(), log, accept }, 0, stopping.signal)
  for (const received of accepted) assert(v.is(HostCommand, received))
  assert.equal(accepted.at(-1)?.companyId, 'the-last')
})

export const queueTargets: readonly FuzzTarget[] = [watchdog, commands]
