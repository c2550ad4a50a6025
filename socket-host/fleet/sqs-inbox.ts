/** `CommandInbox` on SQS FIFO queues, one per shard. */
import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { commandQueue } from '#shared/config/settings.ts'
import type { CommandInbox } from './command-loop.ts'

const { waitSeconds, visibilitySeconds } = commandQueue
/** Time limit of a poll, in ms: the long poll itself, and some time for the answer. */
export const pollMs = waitSeconds * 1000 + 5000

/** Makes the inbox. `queueUrls` are in the order of the shards; the time limit of `sqs` must be `pollMs` or more. */
export function sqsInbox(sqs: SQSClient, queueUrls: readonly string[]): CommandInbox {
  const urlOf = (shard: number): string => {
    const url = queueUrls[shard]
    if (url === undefined) throw new Error(`Shard ${shard} has no queue`)
    return url
  }
  return {
    async receive(shard, signal) {
      const received = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: urlOf(shard),
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: waitSeconds,
          VisibilityTimeout: visibilitySeconds,
        }),
        { abortSignal: signal },
      )
      return (received.Messages ?? []).flatMap(({ Body, ReceiptHandle }) =>
        Body !== undefined && ReceiptHandle !== undefined ? [{ body: Body, receipt: ReceiptHandle }] : [],
      )
    },
    async delete(shard, receipt) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: urlOf(shard), ReceiptHandle: receipt }))
    },
  }
}
