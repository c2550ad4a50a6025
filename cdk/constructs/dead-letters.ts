import { Duration } from 'aws-cdk-lib'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { type AlarmSpec, type Alerts, fiveMinutes } from './alerts.ts'

/** The end of messages that nobody could deal with: kept for two weeks, and a single one rings. */
export function deadLetters(
  scope: Construct,
  alerts: Alerts,
  alarm: Pick<AlarmSpec, 'summary' | 'runbook'>,
  props: { readonly fifo?: true } = {},
): sqs.Queue {
  const queue = new sqs.Queue(scope, 'DeadLetters', {
    ...props,
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })
  acknowledge(queue, { 'Serverless-SQSRedrivePolicy': 'This is the end: an alarm calls a person' })
  alerts.add(scope, 'Dead', {
    ...alarm,
    metric: queue.metricApproximateNumberOfMessagesVisible({ period: fiveMinutes, statistic: 'Maximum' }),
    threshold: 1,
  })
  return queue
}
