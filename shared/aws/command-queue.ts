/** `CommandQueue` on SQS: one FIFO queue per shard, one standard queue for the watchdog. */
import { SendMessageCommand, SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import { translateFailures } from '#shared/dynamo/store-unavailable.ts'
import type { Clock, CommandQueue } from '#shared/ports.ts'

export type CommandQueueDeps = {
  readonly client: SQSClient
  /** In the order of the shards. */
  readonly shardQueueUrls: readonly string[]
  readonly watchdogQueueUrl: string
  readonly clock: Clock
}

/** SQS's limit of a delay. A watchdog that is woken too early sends its message again. */
const maxDelaySeconds = 900

/** Makes an SQS client whose failures are `StoreUnavailable`. */
export function sqsClient(config: SQSClientConfig = {}): SQSClient {
  // Calls must go to the endpoint, not to the host of the queue's URL: in a local run the two differ.
  const client = new SQSClient({ useQueueUrlAsEndpoint: false, requestHandler: requestHandler(), ...config })
  return translateFailures(client, 'sqs')
}

export function sqsCommandQueue({ client, shardQueueUrls, watchdogQueueUrl, clock }: CommandQueueDeps): CommandQueue {
  return {
    sendCommand: async (command) => {
      const { companyId, fence, attemptId } = command
      await client.send(
        new SendMessageCommand({
          QueueUrl: shardQueueUrls[shardOf(companyId, shardQueueUrls.length)],
          MessageBody: JSON.stringify(command),
          MessageGroupId: companyId,
          // The attempt, too: a fence starts again at 0 when somebody deletes a company's item by hand. The id has at
          // most 64 + 1 + 16 + 1 + 26 of the 128 characters that SQS allows.
          MessageDeduplicationId: [companyId, fence, attemptId].filter((part) => part !== undefined).join('-'),
        }),
      )
    },
    wakeAt: async (message) => {
      const delay = Math.ceil((message.due - clock()) / 1000)
      await client.send(
        new SendMessageCommand({
          QueueUrl: watchdogQueueUrl,
          MessageBody: JSON.stringify(message),
          DelaySeconds: Math.min(maxDelaySeconds, Math.max(0, delay)),
        }),
      )
    },
  }
}
