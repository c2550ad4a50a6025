import { Duration, Stack } from 'aws-cdk-lib'
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { commandQueue } from '#shared/config/settings.ts'
import type { Alerts } from './alerts.ts'
import { deadLetters } from './dead-letters.ts'

export type CommandQueuesProps = {
  /** The stage's name. */
  readonly name: string
  readonly shards: number
  readonly alerts: Alerts
}

/** CloudWatch lets one alarm look at ten metrics at most. */
const perAlarm = 10

/** The way to the hosts: one FIFO queue per shard, and one dead-letter queue for them all. */
export class CommandQueues extends Construct {
  /** URL of the queue of shard 0; the others' differ in the number only (shared/config/env.ts). */
  readonly firstUrl: string
  /** Seconds for which the oldest command has waited, of ten queues each. */
  readonly oldestCommands: readonly IMetric[]
  readonly deadLetters: sqs.Queue

  constructor(scope: Construct, id: string, { name, shards, alerts }: CommandQueuesProps) {
    super(scope, id)
    const alarm = { summary: 'A command could not be carried out and was put aside', runbook: 'commands-dead' }
    this.deadLetters = deadLetters(this, alerts, alarm, { fifo: true })
    const names = shardQueueNames(name, shards)
    const queues = names.map((queueName, shard) => this.shardQueue(queueName, shard))
    this.firstUrl = queues[0]?.queueUrl ?? ''
    this.oldestCommands = inGroups(names, perAlarm).map(oldestAge)
    this.addAlarms(alerts)
  }

  private shardQueue(queueName: string, shard: number): sqs.Queue {
    return new sqs.Queue(this, `Shard${shard}`, {
      queueName,
      fifo: true,
      // The sender names what counts as the same command: its attempt.
      contentBasedDeduplication: false,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // An unacknowledged command locks its company's group, so a dead host must not hold it for long.
      visibilityTimeout: Duration.seconds(commandQueue.visibilitySeconds),
      receiveMessageWaitTime: Duration.seconds(commandQueue.waitSeconds),
      // A late command does no harm, it only makes its host look; after an hour nobody waits for that look any more.
      retentionPeriod: Duration.hours(1),
      // 10 × 5 s: a store that is away for ten seconds must not empty the queue into the dead letters.
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 10 },
    })
  }

  private addAlarms(alerts: Alerts): void {
    this.oldestCommands.forEach((metric, group) => {
      alerts.add(this, `Wait${group}`, {
        summary: 'Commands wait for a host to take them',
        runbook: 'commands-wait',
        metric,
        threshold: 30,
        periods: 2,
      })
    })
  }
}

/** Names of the shards' queues, in their order. Ours, so that other stacks need no export for each queue: a stack has 200 at most. */
function shardQueueNames(stage: string, shards: number): string[] {
  return Array.from({ length: shards }, (_, shard) => `pairplane-${stage}-shard-${shard}.fifo`)
}

/** ARNs of the shards' queues, for a policy in the stack of the scope. */
export function shardQueueArns(
  scope: Construct,
  { name, shards }: Pick<CommandQueuesProps, 'name' | 'shards'>,
): string[] {
  return shardQueueNames(name, shards).map((resource) => Stack.of(scope).formatArn({ service: 'sqs', resource }))
}

function oldestAge(queueNames: readonly string[], group: number): IMetric {
  // Ids of metrics must differ within a dashboard, so that they carry the shard.
  const ages = Object.fromEntries(
    queueNames.map((QueueName, i) => [`shard${group * perAlarm + i}`, ageOfOldest(QueueName)]),
  )
  return new MathExpression({
    expression: `MAX([${Object.keys(ages).join(', ')}])`,
    usingMetrics: ages,
    label: 'oldest command (s)',
    period: Duration.minutes(1),
  })
}

function ageOfOldest(QueueName: string): Metric {
  return new Metric({
    namespace: 'AWS/SQS',
    metricName: 'ApproximateAgeOfOldestMessage',
    dimensionsMap: { QueueName },
    statistic: 'Maximum',
  })
}

function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
