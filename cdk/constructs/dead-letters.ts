import { Duration } from 'aws-cdk-lib'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { type AlarmSpec, type Alerts, fiveMinutes } from './alerts.ts'

/** Adds a dead-letter queue. It keeps messages for two weeks, and a single message fires the alarm. */
export function deadLetters(
  scope: Construct,
  alerts: Alerts,
  alarm: Pick<AlarmSpec, 'summary' | 'runbook'>,
  props: Pick<sqs.QueueProps, 'fifo' | 'deduplicationScope' | 'fifoThroughputLimit'> = {},
): sqs.Queue {
  const queue = new sqs.Queue(scope, 'DeadLetters', {
    ...props,
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })
  acknowledge(queue, { 'Serverless-SQSRedrivePolicy': 'This is the dead-letter queue; an alarm notifies an operator' })
  alerts.add(scope, 'Dead', {
    ...alarm,
    metric: queue.metricApproximateNumberOfMessagesVisible({ period: fiveMinutes, statistic: 'Maximum' }),
    threshold: 1,
  })
  return queue
}
