import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import { type FunctionName, type FunctionSpec, functions } from '../../functions/routes.ts'
import { functionFolder } from '../bundle.ts'
import type { DataStack } from '../data-stack.ts'
import { functionEnvironment } from '../environment.ts'
import type { StageConfig } from '../stage.ts'
import { ApiFunction } from './api-function.ts'
import { shardQueueArns } from './command-queues.ts'
import { grantConnections, grantItems, grantReadSecret, grantSend } from './grants.ts'

export type ApiFunctionsProps = {
  readonly stage: StageConfig
  readonly data: DataStack
  readonly webSocketStage: WebSocketStage
  /** Folder of all bundles. */
  readonly bundles: string
  readonly buildVersion: string
}

/** The functions of functions/routes.ts. Each is created on first use, with the permissions that its entry there lists. */
export class ApiFunctions extends Construct {
  private readonly props: ApiFunctionsProps
  private readonly created = new Map<FunctionName, ApiFunction>()

  constructor(scope: Construct, id: string, props: ApiFunctionsProps) {
    super(scope, id)
    this.props = props
  }

  get(name: FunctionName): LambdaFunction {
    const known = this.created.get(name)
    if (known) return known.function
    const created = this.create(name)
    this.created.set(name, created)
    this.grant(functions[name], created.role)
    return created.function
  }

  private create(name: FunctionName): ApiFunction {
    const { stage, data, bundles, webSocketStage } = this.props
    return new ApiFunction(this, name.charAt(0).toUpperCase() + name.slice(1), {
      spec: functions[name],
      code: functionFolder(bundles, name),
      environment: functionEnvironment(name, { ...this.props, callbackUrl: webSocketStage.callbackUrl }),
      logRetentionDays: stage.logRetentionDays,
      reservedConcurrency: stage.reservedConcurrency[name],
      alerts: data.alerts,
      description: `Pairplane ${stage.name}: ${name}`,
      stageName: stage.name,
    })
  }

  private grant(spec: FunctionSpec, role: Role): void {
    const { stage, data, webSocketStage } = this.props
    grantItems(data.tables.control, spec.table, role)
    // A function that sends a command for an attempt arms the watchdog for it first.
    if (spec.sendsCommands) grantSend([...shardQueueArns(this, stage), data.watchdog.queue.queueArn], role)
    if (spec.pushes) grantConnections(webSocketStage, role)
    if (spec.readsTokenSecret && stage.tokens.jwksUrl === undefined) grantReadSecret(data.secrets.token, role)
    if (spec.readsPhoneHashSecret) grantReadSecret(data.secrets.phoneHash, role)
  }
}
