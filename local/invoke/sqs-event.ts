/** The event with which Lambda passes queue messages to a function, and the evaluation of its answer. */
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs'
import * as v from 'valibot'
import { region } from '../services/account.ts'
import type { Outcome } from './outcome.ts'

/** Builds the event for a batch. */
export function sqsEvent(messages: readonly Message[], queueArn: string): object {
  return { Records: messages.map((message) => toRecord(message, queueArn)) }
}

function toRecord(message: Message, queueArn: string): object {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, toAttribute(value)]),
    ),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  }
}

function toAttribute(value: MessageAttributeValue): object {
  return {
    ...(value.StringValue !== undefined && { stringValue: value.StringValue }),
    ...(value.BinaryValue !== undefined && { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: value.DataType,
  }
}

const ItemFailures = v.object({
  batchItemFailures: v.nullish(v.array(v.object({ itemIdentifier: v.pipe(v.string(), v.nonEmpty()) })), []),
})

/**
 * Returns the messages to delete: all after a success, none after a failure, and after a partial failure those that it
 * does not name.
 */
export function processedMessages(
  messages: readonly Message[],
  outcome: Outcome,
  reportsItemFailures: boolean,
): readonly Message[] {
  if (outcome.status === 'failed') return []
  if (!reportsItemFailures || outcome.value === null) return messages
  const report = v.safeParse(ItemFailures, outcome.value)
  if (!report.success) return []
  const failed = new Set((report.output.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier))
  const isKnown = [...failed].every((id) => messages.some(({ MessageId }) => MessageId === id))
  // A report that names a message which was not in the batch fails the whole batch.
  return isKnown ? messages.filter(({ MessageId }) => !failed.has(MessageId ?? '')) : []
}
