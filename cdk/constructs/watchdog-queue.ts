import { Duration } from 'aws-cdk-lib'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { functions } from '../../functions/routes.ts'
import type { Alerts } from './alerts.ts'
import { deadLetters } from './dead-letters.ts'

export type WatchdogQueueProps = { readonly alerts: Alerts }

/** The delay queue that wakes the watchdog at the deadline of an attempt, whether or not a host is alive. */
export class WatchdogQueue extends Construct {
  readonly queue: sqs.Queue
  readonly deadLetters: sqs.Queue

  constructor(scope: Construct, id: string, { alerts }: WatchdogQueueProps) {
    super(scope, id)
    this.deadLetters = deadLetters(this, alerts, {
      summary: 'The watchdog could not end an attempt',
      runbook: 'watchdog-dead',
    })
    // A standard queue: FIFO queues cannot delay single messages.
    this.queue = new sqs.Queue(this, 'Queue', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // AWS recommends at least six times the timeout of the function that reads the queue.
      visibilityTimeout: Duration.seconds(6 * functions.watchdog.timeoutSeconds),
      retentionPeriod: Duration.hours(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 5 },
    })
  }
}
