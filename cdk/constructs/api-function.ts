import { Duration } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, type JsonPattern, type LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { tokenCheckFailed } from '#shared/telemetry/metric-names.ts'
import type { FunctionSpec } from '../../functions/routes.ts'
import { acknowledge } from './acknowledge.ts'
import { type Alerts, fiveMinutes } from './alerts.ts'
import { countLines, logGroup } from './logs.ts'

export type ApiFunctionProps = {
  readonly spec: FunctionSpec
  /** Folder with the bundle (`index.mjs`). */
  readonly code: string
  readonly environment: Record<string, string>
  readonly logRetentionDays: number
  readonly reservedConcurrency: number | undefined
  readonly alerts: Alerts
  readonly description: string
  readonly stageName: string
}

/** A Lambda function with a log group and a role of its own. Until more is granted, the role can only write these logs. */
export class ApiFunction extends Construct {
  readonly function: lambda.Function
  readonly role: iam.Role

  constructor(scope: Construct, id: string, props: ApiFunctionProps) {
    super(scope, id)
    const logs = logGroup(this, 'Logs', props.logRetentionDays)
    // Not the CDK's role: it would have a managed policy that can write to every log group of the account.
    this.role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') })
    logs.grantWrite(this.role)
    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      code: lambda.Code.fromAsset(props.code),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: props.spec.memoryMb,
      timeout: Duration.seconds(props.spec.timeoutSeconds),
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      role: this.role,
      logGroup: logs,
      loggingFormat: lambda.LoggingFormat.JSON,
      // Reports of invocations that failed are of level WARN, those of all others of level INFO.
      systemLogLevelV2: lambda.SystemLogLevel.INFO,
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrency }),
    })
    acknowledge(this.function, {
      'Serverless-LambdaDLQ':
        'Never invoked asynchronously: API Gateway waits, and the watchdog’s queue has a dead-letter queue',
      'Serverless-LambdaTracing':
        'A trace would end at the queue; the correlation id in every log line continues through the host to the client',
    })
    this.addAlarms(props, logs)
  }

  private addAlarms({ alerts, spec, stageName }: ApiFunctionProps, logGroup: LogGroup): void {
    // Only crashes count: a rejected request is an ordinary answer, and so is a slow service (functions/stack.ts).
    const errors = this.function.metricErrors({ period: fiveMinutes })
    alerts.add(this, 'Failing', {
      summary: `The function ${this.node.id} crashes`,
      runbook: 'function-failing',
      metric: spec.refusesByThrowing
        ? countLines(this, 'Failures', {
            ...{ logGroup, stageName, pattern: failures() },
            metricName: `${this.node.id}Failures`,
          })
        : errors,
      threshold: 3,
    })
    alerts.add(this, 'Throttled', {
      summary: `Lambda throttles the function ${this.node.id}`,
      runbook: 'function-throttled',
      metric: this.function.metricThrottles({ period: fiveMinutes }),
      threshold: 1,
    })
  }
}

/**
 * Failures of a function that refuses by throwing, which Lambda counts as an error: the lines of its own failures, and
 * Lambda's reports of invocations that took too long or ended their process. One that crashes is reported with a type of
 * the runtime; a handler that throws with its own type or, as AWS's emulator of the runtime has it, as unknown to it.
 */
function failures(): JsonPattern {
  const is = (field: string, value: string) => FilterPattern.stringValue(field, '=', value)
  return FilterPattern.any(
    is('$.message', tokenCheckFailed),
    // One report per invocation; `platform.runtimeDone` would count the same failure again.
    FilterPattern.all(
      is('$.type', 'platform.report'),
      FilterPattern.any(
        is('$.record.status', 'timeout'),
        FilterPattern.all(
          is('$.record.errorType', 'Runtime.*'),
          FilterPattern.stringValue('$.record.errorType', '!=', 'Runtime.Unknown'),
        ),
      ),
    ),
  )
}
