import { Aws, Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import * as sns from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'

export type AlertsProps = { readonly stage: StageConfig }

/** Description of an alarm by the construct that needs it. */
export type AlarmSpec = {
  /** One sentence that says what is wrong. */
  readonly summary: string
  /** Anchor of the heading in docs/runbook.md. */
  readonly runbook: string
  readonly metric: cloudwatch.IMetric
  /** The alarm fires at this value or above; with `below`, under it. */
  readonly threshold: number
  readonly below?: true
  /** Number of consecutive periods of the metric; 1 by default. */
  readonly periods?: number
  /** Missing data fires the alarm; by default it counts as normal. */
  readonly missingIsBad?: true
}

/** The topic of the alarms, and the factory that adds them. Each alarm names a heading of the runbook. */
export class Alerts extends Construct {
  readonly topic: sns.Topic
  private readonly stageName: string

  constructor(scope: Construct, id: string, { stage }: AlertsProps) {
    super(scope, id)
    this.stageName = stage.name
    this.topic = new sns.Topic(this, 'Topic', { displayName: `Pairplane ${stage.name} alarms`, enforceSSL: true })
    letAlarmsPublish(this.topic)
    if (stage.alarmEmail) this.topic.addSubscription(new EmailSubscription(stage.alarmEmail))
  }

  /** Adds an alarm to the scope, with the topic as the target of both the alarm and its end. */
  add(scope: Construct, id: string, spec: AlarmSpec): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(scope, id, {
      alarmDescription: `${spec.summary} (Pairplane ${this.stageName}). See docs/runbook.md#${spec.runbook}`,
      metric: spec.metric,
      threshold: spec.threshold,
      comparisonOperator: spec.below
        ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: spec.periods ?? 1,
      treatMissingData: spec.missingIsBad
        ? cloudwatch.TreatMissingData.BREACHING
        : cloudwatch.TreatMissingData.NOT_BREACHING,
    })
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
    return alarm
  }
}

/**
 * Lets the account's alarms publish. `enforceSSL` gives the topic a policy, which replaces the default one that would
 * let them.
 */
function letAlarmsPublish(topic: sns.Topic): void {
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  )
}

/** Period of most alarms. */
export const fiveMinutes = Duration.minutes(5)
