import { Duration } from 'aws-cdk-lib'
import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { type Alerts, fiveMinutes } from './alerts.ts'

export type CommandQueuesProps = { readonly shards: number; readonly alerts: Alerts }

/** The way to the hosts: one FIFO queue per shard, and one dead-letter queue for them all. */
export class CommandQueues extends Construct {
  /** In the order of the shards. */
  readonly shards: readonly sqs.Queue[]
  /** Seconds for which the oldest command has waited; several metrics, since one alarm can look at ten queues at most. */
  readonly oldestCommands: readonly IMetric[]
  readonly deadLetters: sqs.Queue

  constructor(scope: Construct, id: string, { shards, alerts }: CommandQueuesProps) {
    super(scope, id)
    this.deadLetters = new sqs.Queue(this, 'DeadLetters', {
      fifo: true,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    })
    acknowledge(this.deadLetters, { 'Serverless-SQSRedrivePolicy': 'This is the end: an alarm calls a person' })
    this.shards = Array.from({ length: shards }, (_, shard) => this.shardQueue(shard))
    this.oldestCommands = inGroups(this.shards, 10).map(oldestAge)
    this.addAlarms(alerts)
  }

  private shardQueue(shard: number): sqs.Queue {
    return new sqs.Queue(this, `Shard${shard}`, {
      fifo: true,
      // The sender names what counts as the same command: its attempt.
      contentBasedDeduplication: false,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // An unacknowledged command locks its company's group, so a dead host must not hold it for long.
      visibilityTimeout: Duration.seconds(5),
      receiveMessageWaitTime: Duration.seconds(20),
      // Commands carry deadlines of their own; an hour outlasts any outage after which one is still worth a look.
      retentionPeriod: Duration.hours(1),
      // 10 × 5 s: a store that is away for ten seconds must not empty the queue into the dead letters.
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 10 },
    })
  }

  private addAlarms(alerts: Alerts): void {
    this.oldestCommands.forEach((metric, group) => {
      alerts.add(this, `Wait${group}`, {
        says: 'Commands wait for a host to take them',
        runbook: 'commands-wait',
        metric,
        threshold: 30,
        periods: 2,
      })
    })
    alerts.add(this, 'Dead', {
      says: 'A command could not be carried out and was put aside',
      runbook: 'commands-dead',
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({ period: fiveMinutes, statistic: 'Maximum' }),
      threshold: 1,
    })
  }
}

function oldestAge(queues: readonly sqs.Queue[]): IMetric {
  // Ids of metrics must differ within a dashboard, so that they carry the shard.
  const ages = Object.fromEntries(
    queues.map((queue) => [
      queue.node.id.toLowerCase(),
      queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum' }),
    ]),
  )
  return new MathExpression({
    expression: `MAX([${Object.keys(ages).join(', ')}])`,
    usingMetrics: ages,
    label: 'oldest command (s)',
    period: Duration.minutes(1),
  })
}

function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
