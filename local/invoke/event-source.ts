/**
 * Delivers a queue's messages to a function, as Lambda's pollers do. A failed message becomes visible again after its
 * visibility timeout.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { EventSource } from '../template/cloud.ts'
import type { Invoke, Log } from './outcome.ts'
import { processedMessages, sqsEvent } from './sqs-event.ts'

/** Number of concurrent pollers; Lambda starts with five per queue. */
const pollers = 5
const pollSeconds = 20
const retryMs = 1000

/** Starts polling. `stop` waits for the batches that are being processed. */
export function startEventSource(source: EventSource, sqs: SQSClient, invoke: Invoke, log: Log) {
  const abort = new AbortController()
  const poll = async () => {
    while (!abort.signal.aborted) {
      try {
        const messages = await receive(source, sqs, abort.signal)
        if (messages.length > 0) await deliver(messages, source, sqs, invoke)
      } catch (error) {
        if (abort.signal.aborted) return
        log('sqs', `polling ${source.queueArn} failed: ${error instanceof Error ? error.message : String(error)}`)
        await sleep(retryMs, undefined, { signal: abort.signal }).catch(() => undefined)
      }
    }
  }
  const running = Promise.all(Array.from({ length: pollers }, poll))
  return {
    async stop() {
      abort.abort()
      await running
    },
  }
}

async function receive(source: EventSource, sqs: SQSClient, abortSignal: AbortSignal): Promise<Message[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: source.queueUrl,
    MaxNumberOfMessages: Math.min(source.batchSize, 10),
    WaitTimeSeconds: pollSeconds,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  })
  return (await sqs.send(command, { abortSignal })).Messages ?? []
}

async function deliver(messages: Message[], source: EventSource, sqs: SQSClient, invoke: Invoke): Promise<void> {
  const outcome = await invoke(source.functionArn, sqsEvent(messages, source.queueArn))
  const processed = processedMessages(messages, outcome, source.reportsItemFailures)
  if (processed.length === 0) return
  await sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: source.queueUrl,
      Entries: processed.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
    }),
  )
}
