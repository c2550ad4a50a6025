/** SQS queues of a template. */
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs'
import * as v from 'valibot'
import { account, region } from '../services/account.ts'
import { flag, numeric, type PropertySpec } from './properties.ts'

export const queueProperties = {
  used: {
    QueueName: v.optional(v.string()),
    FifoQueue: v.optional(flag),
    ContentBasedDeduplication: v.optional(flag),
    DeduplicationScope: v.optional(v.string()),
    FifoThroughputLimit: v.optional(v.string()),
    VisibilityTimeout: v.optional(numeric),
    DelaySeconds: v.optional(numeric),
    MessageRetentionPeriod: v.optional(numeric),
    ReceiveMessageWaitTimeSeconds: v.optional(numeric),
    RedrivePolicy: v.optional(v.object({ deadLetterTargetArn: v.string(), maxReceiveCount: numeric })),
  },
  inert: ['KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds', 'SqsManagedSseEnabled', 'RedriveAllowPolicy', 'Tags'],
} as const satisfies PropertySpec<v.ObjectEntries>

type QueueProperties = v.InferOutput<v.ObjectSchema<typeof queueProperties.used, undefined>>

/** Creates the queue unless it exists, and returns its URL. */
export async function createQueue(client: SQSClient, name: string, properties: QueueProperties): Promise<string> {
  const { QueueName: _, ...attributes } = properties
  const Attributes = Object.fromEntries(
    Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, attributeText(value)]])),
  )
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes }))
  if (QueueUrl === undefined) throw new Error(`SQS named no URL for queue ${name}`)
  return QueueUrl
}

/** A queue's ARN. */
export function queueArn(name: string): string {
  return `arn:aws:sqs:${region}:${account}:${name}`
}

function attributeText(value: string | number | boolean | object): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
