/** `CommandQueue` over SQS: one FIFO queue per shard, one standard queue for the watchdog. */
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

/** The most that SQS delays a message; a watchdog that is woken too early waits again. */
const maxDelaySeconds = 900

/** A client of SQS whose failures are `StoreUnavailable`. */
export function sqsClient(config: SQSClientConfig = {}): SQSClient {
  // The endpoint decides where calls go, not the host in a queue's URL: the two differ in a local run.
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
          // Fences start again when somebody deletes a company's item by hand; attempts never come back. At most
          // 64 + 1 + 16 + 1 + 26 of the 128 characters that SQS allows, all of them legal.
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
