import { Aws, Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import * as sns from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'

export type AlertsProps = { readonly stage: StageConfig }

/** An alarm as a capability describes it. */
export type AlarmSpec = {
  /** One sentence: what is wrong. */
  readonly summary: string
  /** Heading of docs/runbook.md, in the form of its anchor. */
  readonly runbook: string
  readonly metric: cloudwatch.IMetric
  /** It rings at this value or above; with `below`, under it. */
  readonly threshold: number
  readonly below?: true
  /** For how many periods of the metric. */
  readonly periods?: number
  /** No data means trouble; otherwise it means quiet. */
  readonly missingIsBad?: true
}

/** Where alarms go, and how they are made: each capability adds its own, and each names a heading of the runbook. */
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

  /** Adds an alarm to the construct that knows what it is about. */
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

/** A topic with a policy of its own, and `enforceSSL` gives it one, has lost the default that lets alarms of the account in. */
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

/** The period of most alarms. */
export const fiveMinutes = Duration.minutes(5)
