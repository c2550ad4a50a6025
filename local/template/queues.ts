/** SQS queues of a template. */
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import * as v from 'valibot'
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

type Attributes = Record<string, string>

/** Creates the queue, or updates the attributes of an existing one, and returns its URL. */
export async function createQueue(client: SQSClient, name: string, properties: QueueProperties): Promise<string> {
  const { QueueName: _, ...given } = properties
  const attributes = Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, attributeText(value)]])),
  )
  const url = await createOrUpdate(client, name, attributes)
  if (url === undefined) throw new Error(`SQS returned no URL for queue ${name}`)
  return url
}

async function createOrUpdate(client: SQSClient, name: string, attributes: Attributes): Promise<string | undefined> {
  try {
    return (await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))).QueueUrl
  } catch (error) {
    if (!isTaken(error)) throw error
    // An external engine still has the queue of an earlier version of the template.
    return updateQueue(client, name, attributes)
  }
}

/** True when the queue exists with other attributes. Engines spell the name of this error differently. */
const isTaken = (error: unknown): boolean =>
  error instanceof Error && /QueueNameExists$|QueueAlreadyExists$/.test(error.name)

async function updateQueue(client: SQSClient, name: string, attributes: Attributes): Promise<string | undefined> {
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }))
  const { FifoQueue: _, ...changeable } = attributes
  await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: changeable }))
  return QueueUrl
}

/**
 * Reads a queue's ARN from the engine. An external engine may have an account of its own, and knows no queue of another
 * account.
 */
export async function queueArn(client: SQSClient, url: string): Promise<string> {
  const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] })
  const arn = (await client.send(command)).Attributes?.['QueueArn']
  if (arn === undefined) throw new Error(`SQS returned no ARN for queue ${url}`)
  return arn
}

function attributeText(value: string | number | boolean | object): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
