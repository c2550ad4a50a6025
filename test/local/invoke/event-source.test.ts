import { setTimeout as sleep } from 'node:timers/promises'
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { describe, expect, test } from 'vitest'
import { processedMessages, sqsEvent } from '../../../local/invoke/sqs-event.ts'
import { runCloud, type TinyRun } from '../support/run.ts'

/**
 * `visibilitySeconds` of a message that must be processed only once: longer than a busy machine takes to load and run
 * the function.
 */
const worker = (body: string, visibilitySeconds = 1) => ({
  functions: {
    Worker: {
      code: `export const handler = async (event) => { for (const { body, attributes } of event.Records) console.log('got', body, attributes.ApproximateReceiveCount); ${body} }`,
      variables: { QUEUE: { Ref: 'Queue' }, DEAD: { Ref: 'Dead' } },
    },
  },
  resources: {
    Dead: { Type: 'AWS::SQS::Queue', Properties: {} },
    Queue: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        VisibilityTimeout: visibilitySeconds,
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 2 },
      },
    },
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        ...{ BatchSize: 10, FunctionResponseTypes: ['ReportBatchItemFailures'] },
        ...{ EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, FunctionName: { Ref: 'Worker' } },
      },
    },
  },
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}

const send = (run: TinyRun, MessageBody: string, DelaySeconds = 0) =>
  run.clients.sqs.send(
    new SendMessageCommand({ QueueUrl: run.cloud.functions[0]?.environment['QUEUE'], MessageBody, DelaySeconds }),
  )

const countIn = async (run: TinyRun, queue: string) => {
  const command = new GetQueueAttributesCommand({
    QueueUrl: run.cloud.functions[0]?.environment[queue],
    AttributeNames: ['All'],
  })
  const { Attributes = {} } = await run.clients.sqs.send(command)
  return Number(Attributes['ApproximateNumberOfMessages']) + Number(Attributes['ApproximateNumberOfMessagesNotVisible'])
}

describe('a queue that invokes a function', () => {
  test('delivers after the delay, and forgets what was processed', async () => {
    const run = await runCloud(worker('', 30))
    await send(run, 'much later', 900)
    await send(run, 'delayed', 1)
    await until(() => run.logged.length === 1)
    await send(run, 'now')
    await until(() => run.logged.length === 2)
    expect(run.logged).toEqual(['got delayed 1', 'got now 1'])
    await until(async () => (await countIn(run, 'QUEUE')) === 0)
  })

  test('delivers again what failed, until it is a dead letter', async () => {
    const run = await runCloud(worker(`throw new Error('no')`))
    await send(run, 'poison')
    await until(async () => (await countIn(run, 'DEAD')) === 1)
    expect(run.logged.filter((line) => line.startsWith('got'))).toEqual(['got poison 1', 'got poison 2'])
  })

  test('keeps only the failed part of a batch', async () => {
    const run = await runCloud(
      worker(
        `return { batchItemFailures: event.Records.filter(({ body, attributes }) =>
        body === 'bad' && attributes.ApproximateReceiveCount === '1').map(({ messageId }) => ({ itemIdentifier: messageId })) }`,
        8,
      ),
    )
    await send(run, 'good')
    await send(run, 'bad')
    await until(() => run.logged.includes('got bad 2'))
    await until(async () => (await countIn(run, 'QUEUE')) === 0)
    expect(run.logged.filter((line) => line.startsWith('got good'))).toEqual(['got good 1'])
  })
})

describe('a batch', () => {
  const messages = [
    { MessageId: 'a', Body: '1' },
    { MessageId: 'b', Body: '2' },
  ]
  const report = (value: unknown) => processedMessages(messages, { status: 'succeeded', value }, true)

  test('is processed as its report says', () => {
    expect(report(null)).toEqual(messages)
    expect(report({})).toEqual(messages)
    expect(report({ batchItemFailures: [] })).toEqual(messages)
    expect(report({ batchItemFailures: [{ itemIdentifier: 'a' }] })).toEqual([messages[1]])
    for (const wrong of ['', 'x']) expect(report({ batchItemFailures: [{ itemIdentifier: wrong }] })).toEqual([])
    expect(processedMessages(messages, { status: 'failed', errorType: 'E', errorMessage: '' }, true)).toEqual([])
  })

  test('arrives in the shape of Lambda', () => {
    const message = {
      ...{ MessageId: 'm', ReceiptHandle: 'r', Body: 'text', MD5OfBody: 'h', Attributes: { SentTimestamp: '1' } },
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'x' } },
    }
    expect(sqsEvent([message], 'arn:q')).toEqual({
      Records: [
        {
          ...{ messageId: 'm', receiptHandle: 'r', body: 'text', md5OfBody: 'h', attributes: { SentTimestamp: '1' } },
          messageAttributes: {
            kind: { stringValue: 'x', dataType: 'String', stringListValues: [], binaryListValues: [] },
          },
          ...{ eventSource: 'aws:sqs', eventSourceARN: 'arn:q', awsRegion: 'us-east-1' },
        },
      ],
    })
  })
})
