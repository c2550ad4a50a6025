import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { Alerts } from './constructs/alerts.ts'
import { CommandQueues } from './constructs/command-queues.ts'
import { Secrets } from './constructs/secrets.ts'
import { Tables } from './constructs/tables.ts'
import { WatchdogQueue } from './constructs/watchdog-queue.ts'
import { recordShards } from './live-shards.ts'
import type { StageConfig } from './stage.ts'

export type DataStackProps = { readonly stage: StageConfig }

/**
 * State that outlives a deploy, and resources that functions and hosts share: tables, key, secrets, queues, the topic
 * of alarms.
 */
export class DataStack extends Stack {
  readonly alerts: Alerts
  readonly tables: Tables
  readonly secrets: Secrets
  readonly commands: CommandQueues
  readonly watchdog: WatchdogQueue

  constructor(scope: Construct, id: string, { stage }: DataStackProps) {
    super(scope, id, { description: `Pairplane ${stage.name}: tables, key, secrets, queues` })
    if (stage.retainData) recordShards(this, stage)
    this.alerts = new Alerts(this, 'Alerts', { stage })
    const props = { ...stage, alerts: this.alerts }
    this.tables = new Tables(this, 'Tables', props)
    this.secrets = new Secrets(this, 'Secrets', props)
    this.commands = new CommandQueues(this, 'Commands', props)
    this.watchdog = new WatchdogQueue(this, 'Watchdog', props)
    new CfnOutput(this, 'TokenSecretArn', {
      value: this.secrets.token.secretArn,
      description: 'The marketplace reads this secret to sign tokens (HS256)',
    })
    new CfnOutput(this, 'ControlTableName', {
      value: this.tables.control.tableName,
      description: 'For operators: docs/operations.md',
    })
    new CfnOutput(this, 'CredentialsTableName', {
      value: this.tables.credentials.tableName,
      description: 'For operators: docs/operations.md',
    })
    new CfnOutput(this, 'AlarmTopicArn', {
      value: this.alerts.topic.topicArn,
      description: 'Alarms are published here',
    })
  }
}
