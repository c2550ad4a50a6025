import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import * as v from 'valibot'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sqsClient, sqsCommandQueue } from '#shared/aws/command-queue.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { HostCommand, queueBody } from '#shared/protocol/host-commands.ts'
import { startSqs } from '../../../local/services/sqs.ts'
import { describeCommandQueue } from '../../contracts/command-queue.contract.ts'
import { account } from './aws-services.ts'

const now = Date.UTC(2026, 0, 1)
const shards = 3
let sqs: Awaited<ReturnType<typeof startSqs>>
let client: SQSClient
beforeAll(async () => {
  sqs = await startSqs(undefined)
  client = sqsClient({ ...account, endpoint: sqs.url })
})
afterAll(() => sqs.stop())

let runs = 0
async function setUp() {
  runs += 1
  const create = async (name: string, Attributes?: Record<string, string>) =>
    (await client.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl ?? ''
  const names = Array.from({ length: shards }, (_, shard) => `shard-${runs}-${shard}.fifo`)
  const shardQueueUrls = await Promise.all(names.map((name) => create(name, { FifoQueue: 'true' })))
  const watchdogQueueUrl = await create(`watchdog-${runs}`)
  return {
    queue: sqsCommandQueue({ client, shardQueueUrls, watchdogQueueUrl, clock: () => now }),
    shardQueueUrls,
    watchdogQueueUrl,
  }
}

async function receive(QueueUrl: string | undefined) {
  const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] })
  return (await client.send(command)).Messages ?? []
}
const aCommand = (overrides: Partial<HostCommand> = {}): HostCommand => ({
  companyId: 'company-1',
  correlationId: 'correlation-1',
  fence: 1,
  ...overrides,
})

/** Receives and deletes all messages: SQS delivers a message of a group when the one before it is deleted. */
async function arrivedIn(QueueUrl: string | undefined): Promise<readonly HostCommand[]> {
  const messages = await receive(QueueUrl)
  if (messages.length === 0) return []
  for (const { ReceiptHandle } of messages) await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  return [...messages.map(({ Body }) => v.parse(queueBody(HostCommand), Body ?? '')), ...(await arrivedIn(QueueUrl))]
}

describeCommandQueue({
  make: async () => {
    const { queue, shardQueueUrls } = await setUp()
    return { queue, arrived: async () => (await Promise.all(shardQueueUrls.map(arrivedIn))).flat() }
  },
})

test('a command is of the group of its company, in the queue of its shard', async () => {
  const { queue, shardQueueUrls } = await setUp()
  for (const companyId of ['company-1', 'company-2', 'company-3', 'x'.repeat(64)]) {
    await queue.sendCommand(aCommand({ companyId }))
    const [message] = await receive(shardQueueUrls[shardOf(companyId, shards)])
    expect(message?.Attributes?.MessageGroupId).toBe(companyId)
  }
})

test.each([
  ['is due', 0, 0],
  ['is overdue', -5_000, 0],
  ['is due within a second', 1, 1],
  ['is due in twenty seconds', 20_000, 20],
  ['is due in a moment over twenty seconds', 20_001, 21],
  ['is due later than a queue can wait', 3_600_000, 900],
])('a message to the watchdog that %s waits just so long', async (_name, dueIn, seconds) => {
  const sent: unknown[] = []
  const recording = sqsClient({ ...account, endpoint: sqs.url })
  recording.middlewareStack.add(
    (next) => async (args) => {
      sent.push(args.input)
      return next(args)
    },
    { step: 'initialize' },
  )
  const { shardQueueUrls, watchdogQueueUrl } = await setUp()
  const queue = sqsCommandQueue({ client: recording, shardQueueUrls, watchdogQueueUrl, clock: () => now })
  const message = { companyId: 'company-1', correlationId: 'c', due: now + dueIn }
  await queue.wakeAt(message)
  expect(sent).toMatchObject([{ DelaySeconds: seconds, MessageBody: JSON.stringify(message) }])
})

test('while SQS is away, that is what is said', async () => {
  const away = sqsClient({ ...account, endpoint: 'http://127.0.0.1:1', maxAttempts: 1 })
  const queue = sqsCommandQueue({
    client: away,
    shardQueueUrls: ['http://127.0.0.1:1/000000000000/shard.fifo'],
    watchdogQueueUrl: 'http://127.0.0.1:1/000000000000/watchdog',
    clock: () => now,
  })
  await expect(queue.sendCommand(aCommand())).rejects.toBeInstanceOf(StoreUnavailable)
  await expect(queue.wakeAt({ companyId: 'c', correlationId: 'c', due: now })).rejects.toBeInstanceOf(StoreUnavailable)
})
