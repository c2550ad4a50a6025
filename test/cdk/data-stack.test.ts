import { Match } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'
import { only, pathOf, prodShards, resources, synthesize } from './synthesize.ts'

const prod = synthesize('prod').data
const dev = synthesize('dev').data

const table = (template: typeof prod, name: string) => {
  const found = Object.values(resources(template, 'AWS::DynamoDB::GlobalTable'))
  return found.find((resource) => pathOf(resource) === `Tables/${name}/Resource`)!
}

describe('the tables', () => {
  it.each(['Control', 'Credentials'])('have string keys, no capacity to plan and recovery: %s', (name) => {
    expect(table(prod, name).Properties).toMatchObject({
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      Replicas: [{ PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }],
    })
  })

  it('never let live credentials expire', () => {
    expect(table(prod, 'Credentials').Properties.TimeToLiveSpecification).toBeUndefined()
    expect(table(prod, 'Control').Properties.TimeToLiveSpecification).toEqual({ AttributeName: 'ttl', Enabled: true })
  })

  it.each(['Control', 'Credentials'])('refuse deletion and outlive their stack in prod only: %s', (name) => {
    expect(table(prod, name).Properties.Replicas[0].DeletionProtectionEnabled).toBe(true)
    expect(table(prod, name).DeletionPolicy).toBe('Retain')
    expect(table(dev, name).Properties.Replicas[0].DeletionProtectionEnabled).toBe(false)
    expect(table(dev, name).DeletionPolicy).toBe('Delete')
  })
})

describe('the key and the secrets', () => {
  it('rotate the key, and keep it as long as the tables', () => {
    expect(only(prod, 'AWS::KMS::Key')).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: { EnableKeyRotation: true, PendingWindowInDays: 30 },
    })
  })

  it('are generated, with more than 256 bits', () => {
    prod.allResourcesProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
    })
    prod.resourceCountIs('AWS::SecretsManager::Secret', 2)
  })
})

describe('the queues', () => {
  it('are one FIFO queue per shard, with one FIFO queue for dead letters', () => {
    const fifo = Object.values(resources(prod, 'AWS::SQS::Queue')).filter((queue) => queue.Properties.FifoQueue)
    expect(fifo.map(pathOf)).toEqual(
      expect.arrayContaining([
        'Commands/DeadLetters/Resource',
        'Commands/Shard0/Resource',
        `Commands/Shard${prodShards - 1}/Resource`,
      ]),
    )
    expect(fifo).toHaveLength(prodShards + 1)
  })

  it('limit calls per company and not per queue, so that no company can use up what its shard has', () => {
    const queues = Object.values(resources(prod, 'AWS::SQS::Queue')).map(({ Properties }) => Properties)
    const limited = queues.filter((queue) => queue.FifoThroughputLimit === 'perMessageGroupId')
    expect(limited).toEqual(queues.filter((queue) => queue.FifoQueue))
    // SQS refuses the limit with any other scope.
    for (const queue of limited) expect(queue.DeduplicationScope).toBe('messageGroup')
  })

  it('have names of ours that end in the number of the shard: shared/config/env.ts makes URLs of them', () => {
    const names = Object.values(resources(prod, 'AWS::SQS::Queue')).flatMap(
      ({ Properties }) => Properties.QueueName ?? [],
    )
    expect(names).toEqual(Array.from({ length: prodShards }, (_, shard) => `pairplane-prod-shard-${shard}.fifo`))
    expect(Object.keys(prod.findOutputs('*')).filter((name) => name.includes('CommandsShard'))).toHaveLength(1)
  })

  it('give a command back after 5 s, and leave deduplication to its sender', () => {
    prod.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 5,
      ContentBasedDeduplication: false,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 10 }),
    })
  })

  it('take messages over TLS only, and encrypt them', () => {
    prod.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true })
    prod.allResourcesProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: 'Deny',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            Action: 'sqs:*',
          }),
        ],
      },
    })
    const queues = Object.keys(resources(prod, 'AWS::SQS::Queue'))
    prod.resourceCountIs('AWS::SQS::QueuePolicy', queues.length)
  })

  it('are as many as the context asks for', () => {
    const { data } = synthesize('dev', (stage) => ({ ...stage, shards: 3 }))
    const sources = Object.values(resources(data, 'AWS::SQS::Queue')).filter((queue) => queue.Properties.RedrivePolicy)
    expect(sources.map(pathOf).sort()).toEqual([
      'Commands/Shard0/Resource',
      'Commands/Shard1/Resource',
      'Commands/Shard2/Resource',
      'Watchdog/Queue/Resource',
    ])
  })
})
