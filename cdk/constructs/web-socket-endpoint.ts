import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import * as api from 'aws-cdk-lib/aws-apigatewayv2'
import { WebSocketLambdaAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, type LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'
import { acknowledge } from './acknowledge.ts'
import { type Alerts, fiveMinutes } from './alerts.ts'
import { CustomDomain } from './custom-domain.ts'
import { countLines, logGroup } from './logs.ts'

export type WebSocketEndpointProps = { readonly stage: StageConfig; readonly alerts: Alerts }

/**
 * The WebSocket API that clients connect to. Its stage is created before its functions, because they need the stage's
 * callback URL.
 */
export class WebSocketEndpoint extends Construct {
  readonly stage: api.WebSocketStage
  readonly url: string
  private readonly api: api.WebSocketApi
  private authorizer: api.IWebSocketRouteAuthorizer | undefined

  constructor(scope: Construct, id: string, { stage, alerts }: WebSocketEndpointProps) {
    super(scope, id)
    const logs = logGroup(this, 'AccessLogs', stage.logRetentionDays)
    this.api = new api.WebSocketApi(this, 'Api', {
      apiName: `pairplane-${stage.name}`,
      routeSelectionExpression: '$request.body.action',
    })
    this.stage = new api.WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: stage.name,
      autoDeploy: true,
      throttle: { rateLimit: stage.throttle.webSocket.rate, burstLimit: stage.throttle.webSocket.burst },
      accessLogSettings: {
        destination: new api.LogGroupLogDestination(logs),
        format: accessLogFormat,
      },
      ...this.domainMapping(stage),
    })
    this.url = stage.domain ? `wss://${stage.domain.webSocket}` : this.stage.url
    alerts.add(this, 'Failing', {
      summary: 'The WebSocket API fails to answer clients',
      runbook: 'web-socket-failing',
      metric: this.failures(logs, stage),
      threshold: 5,
    })
    alerts.add(this, 'Throttled', {
      summary: 'API Gateway throttles messages of WebSocket clients, whose requests vanish',
      runbook: 'web-socket-throttled',
      metric: countLines(this, 'ThrottledLines', {
        ...{ logGroup: logs, pattern: throttled, stageName: stage.name },
        metricName: 'WebSocketThrottled',
      }),
      threshold: 1,
    })
  }

  /** Sets the authorizer of `$connect`; call it before `addRoute`. */
  authorizeWith(handler: LambdaFunction): void {
    // No identity source: a token comes as `?token=` or as a sub-protocol, and API Gateway rejects a connection that lacks
    // any one of the identity sources.
    this.authorizer = new WebSocketLambdaAuthorizer('Authorizer', handler, { identitySource: [] })
  }

  /** Adds `$connect`, `$disconnect` or `$default`. The answer to a message is what its function returns. */
  addRoute(key: string, handler: LambdaFunction): void {
    const integration = new WebSocketLambdaIntegration('Integration', handler)
    if (key === '$connect') {
      if (!this.authorizer) throw new Error('Call authorizeWith before adding $connect: otherwise anyone could connect')
      this.api.addRoute(key, { integration, authorizer: this.authorizer })
      return
    }
    const route = this.api.addRoute(key, { integration, returnResponse: key !== '$disconnect' })
    acknowledge(route, {
      'AwsSolutions-APIG4': 'API Gateway authorizes connections, not messages; every route is behind $connect',
    })
  }

  /** API Gateway counts the 429 of a `$connect` without a place as an error, which a company can bring about by itself. */
  private failures(logs: LogGroup, { name }: StageConfig): MathExpression {
    const metric = (metricName: string) => this.stage.metric(metricName, { statistic: 'Sum', period: fiveMinutes })
    const refused = countLines(this, 'RefusedLines', {
      ...{ logGroup: logs, pattern: withoutPlace, stageName: name },
      metricName: 'WebSocketRefused',
    })
    return new MathExpression({
      expression: 'integration + execution - FILL(refused, 0)',
      usingMetrics: { integration: metric('IntegrationError'), execution: metric('ExecutionError'), refused },
      label: 'failures of the WebSocket API',
      period: fiveMinutes,
    })
  }

  private domainMapping({ domain }: StageConfig): Pick<api.WebSocketStageProps, 'domainMapping'> {
    if (!domain) return {}
    const { domainName } = new CustomDomain(this, 'Domain', { name: domain.webSocket, ...domain })
    return { domainMapping: { domainName } }
  }
}

/** Format of the access log. It must not contain the query string or the headers of `$connect`: they contain tokens. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    ip: '$context.identity.sourceIp',
    requestTime: '$context.requestTime',
    eventType: '$context.eventType',
    routeKey: '$context.routeKey',
    connectionId: '$context.connectionId',
    status: '$context.status',
    error: '$context.error.message',
    errorType: '$context.error.responseType',
    integrationError: '$context.integrationErrorMessage',
    authorizerError: '$context.authorizer.error',
  }),
)

/**
 * Messages that the stage's throttle has refused: API Gateway answers them with a frame of its own, which clients ignore.
 * A `$connect` with 429 is not one: it has an HTTP status, and may be an answer of ours. The metric `ClientError` counts
 * each refused token as well.
 */
const throttled = FilterPattern.any(
  FilterPattern.all(
    FilterPattern.stringValue('$.eventType', '=', 'MESSAGE'),
    FilterPattern.stringValue('$.status', '=', '429'),
  ),
  FilterPattern.stringValue('$.errorType', '=', 'THROTTLED'),
)

/** Connections that our function has refused, because the company has no place for them (R34). */
const withoutPlace = FilterPattern.all(
  FilterPattern.stringValue('$.eventType', '=', 'CONNECT'),
  FilterPattern.stringValue('$.status', '=', '429'),
  FilterPattern.stringValue('$.errorType', '!=', 'THROTTLED'),
)
