import { Duration } from 'aws-cdk-lib'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, type LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { tokenCheckFailed } from '#shared/telemetry/metric-names.ts'
import type { FunctionSpec } from '../../functions/routes.ts'
import { acknowledge } from './acknowledge.ts'
import { type Alerts, fiveMinutes } from './alerts.ts'
import { logGroup } from './logs.ts'

export type ApiFunctionProps = {
  readonly spec: FunctionSpec
  /** Folder with the bundle (`index.mjs`). */
  readonly code: string
  readonly environment: Record<string, string>
  readonly logRetentionDays: number
  readonly reservedConcurrency: number | undefined
  readonly alerts: Alerts
  readonly description: string
  /** Namespace of metrics that are counted in the function's log. */
  readonly metricNamespace: string
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

  private addAlarms({ alerts, spec, metricNamespace }: ApiFunctionProps, logs: LogGroup): void {
    // Only crashes count: a rejected request is an ordinary answer, and so is a slow service (functions/stack.ts).
    const errors = this.function.metricErrors({ period: fiveMinutes })
    alerts.add(this, 'Failing', {
      summary: `The function ${this.node.id} crashes`,
      runbook: 'function-failing',
      metric: spec.refusesByThrowing ? this.failuresIn(logs, metricNamespace) : errors,
      threshold: 3,
    })
    alerts.add(this, 'Throttled', {
      summary: `Lambda throttles the function ${this.node.id}`,
      runbook: 'function-throttled',
      metric: this.function.metricThrottles({ period: fiveMinutes }),
      threshold: 1,
    })
  }

  /** Counts failures in the log, for a function whose rejections Lambda would count as errors. */
  private failuresIn(logGroup: LogGroup, metricNamespace: string): IMetric {
    const filter = new MetricFilter(this, 'Failures', {
      logGroup,
      filterPattern: FilterPattern.anyTerm(tokenCheckFailed, 'timed out', 'Runtime.ExitError'),
      metricNamespace,
      metricName: `${this.node.id}Failures`,
      metricValue: '1',
    })
    return filter.metric({ statistic: 'Sum', period: fiveMinutes })
  }
}
