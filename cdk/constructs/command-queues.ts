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

/** 10 × 5 s: commands must not become dead letters when the store is unavailable for ten seconds. */
const maxReceiveCount = 10

/** Age that a command can reach which is taken at once and fails each time. It has the dead letters' alarm. */
const failingSeconds = maxReceiveCount * commandQueue.visibilitySeconds

/** Limit of CloudWatch: one alarm can use at most ten metrics. */
const metricsPerAlarm = 10

/**
 * Calls are limited per partition of a queue, of which SQS adds more: otherwise 300 a second, which two companies can send,
 * are all that the companies of a shard have together. The mode needs its scope of deduplication.
 */
const highThroughput = {
  deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
} as const

/** The command queues of the hosts: one FIFO queue per shard, and one dead-letter queue for them all. */
export class CommandQueues extends Construct {
  /** URL of the queue of shard 0; the other URLs differ only in the number (shared/config/env.ts). */
  readonly firstUrl: string
  /** Age in seconds of the oldest command, one metric for every ten queues. */
  readonly oldestCommands: readonly IMetric[]
  readonly deadLetters: sqs.Queue

  constructor(scope: Construct, id: string, { name, shards, alerts }: CommandQueuesProps) {
    super(scope, id)
    const alarm = {
      summary: 'A command could not be processed and went to the dead-letter queue',
      runbook: 'commands-dead',
    }
    this.deadLetters = deadLetters(this, alerts, alarm, { fifo: true, ...highThroughput })
    const names = shardQueueNames(name, shards)
    const queues = names.map((queueName, shard) => this.shardQueue(queueName, shard))
    this.firstUrl = queues[0]?.queueUrl ?? ''
    this.oldestCommands = inGroups(names, metricsPerAlarm).map(oldestAge)
    this.addAlarms(alerts)
  }

  private shardQueue(queueName: string, shard: number): sqs.Queue {
    return new sqs.Queue(this, `Shard${shard}`, {
      queueName,
      fifo: true,
      // The sender sets the deduplication id: commands about the same attempt are one command.
      contentBasedDeduplication: false,
      ...highThroughput,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // A command that is received and not deleted blocks its company's message group: a dead host must not block it
      // for long.
      visibilityTimeout: Duration.seconds(commandQueue.visibilitySeconds),
      receiveMessageWaitTime: Duration.seconds(commandQueue.waitSeconds),
      // A late command is harmless, since it only makes a host read the company; after an hour no client waits for that.
      retentionPeriod: Duration.hours(1),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount },
    })
  }

  private addAlarms(alerts: Alerts): void {
    this.oldestCommands.forEach((metric, group) => {
      alerts.add(this, `Wait${group}`, {
        summary: 'Commands wait for a host to take them',
        runbook: 'commands-wait',
        metric,
        threshold: failingSeconds + 10,
        periods: 2,
      })
    })
  }
}

/**
 * Names of the shards' queues, in the order of the shards. The names are fixed, so that other stacks need no export for each
 * queue: a stack can have at most 200 outputs.
 */
function shardQueueNames(stage: string, shards: number): string[] {
  return Array.from({ length: shards }, (_, shard) => `pairplane-${stage}-shard-${shard}.fifo`)
}

/** Returns the ARNs of the shards' queues, for a policy in the stack of the scope. */
export function shardQueueArns(
  scope: Construct,
  { name, shards }: Pick<CommandQueuesProps, 'name' | 'shards'>,
): string[] {
  return shardQueueNames(name, shards).map((resource) => Stack.of(scope).formatArn({ service: 'sqs', resource }))
}

function oldestAge(queueNames: readonly string[], group: number): IMetric {
  // The ids contain the shard: ids of metrics must be unique within a dashboard.
  const ages = Object.fromEntries(
    queueNames.map((QueueName, i) => [`shard${group * metricsPerAlarm + i}`, ageOfOldest(QueueName)]),
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
