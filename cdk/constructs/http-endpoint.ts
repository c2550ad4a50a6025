import { Duration } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import * as api from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'
import { acknowledge } from './acknowledge.ts'
import type { Alerts } from './alerts.ts'
import { CustomDomain } from './custom-domain.ts'
import { countLines, logGroup } from './logs.ts'

export type HttpEndpointProps = { readonly stage: StageConfig; readonly alerts: Alerts }

/**
 * The HTTP API. It has no authorizer: its functions check the bearer token, because an HTTP API cannot shape the answer
 * to a rejected request.
 */
export class HttpEndpoint extends Construct {
  readonly stage: api.HttpStage
  /** URL of the API, without a trailing slash. */
  readonly url: string
  private readonly api: api.HttpApi

  constructor(scope: Construct, id: string, { stage, alerts }: HttpEndpointProps) {
    super(scope, id)
    const logs = logGroup(this, 'AccessLogs', stage.logRetentionDays)
    this.api = new api.HttpApi(this, 'Api', {
      apiName: `pairplane-${stage.name}`,
      createDefaultStage: false,
      ...(stage.allowedOrigins.length > 0 ? { corsPreflight: cors(stage.allowedOrigins) } : {}),
    })
    this.stage = new api.HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: stage.throttle.http.rate, burstLimit: stage.throttle.http.burst },
      accessLogSettings: {
        destination: new api.LogGroupLogDestination(logs),
        format: accessLogFormat,
      },
      ...this.domainMapping(stage),
    })
    this.url = stage.domain ? `https://${stage.domain.http}` : this.api.apiEndpoint
    alerts.add(this, 'Failing', {
      summary: 'The HTTP API answers with server errors',
      runbook: 'http-failing',
      metric: countLines(this, 'FailedLines', {
        ...{ logGroup: logs, pattern: failed, stageName: stage.name },
        metricName: 'HttpFailed',
      }),
      threshold: 5,
    })
    alerts.add(this, 'Throttled', {
      summary: 'API Gateway throttles requests over HTTP',
      runbook: 'http-throttled',
      metric: countLines(this, 'ThrottledLines', {
        ...{ logGroup: logs, pattern: throttled, stageName: stage.name },
        metricName: 'HttpThrottled',
      }),
      threshold: 5,
    })
  }

  /** Adds a route by its route key, e.g. `GET /api/health` or `$default`. */
  addRoute(key: string, handler: LambdaFunction): void {
    const route = new api.HttpRoute(this, key.replace(/[^A-Za-z]+/g, '-'), {
      httpApi: this.api,
      routeKey: routeKeyOf(key),
      integration: new HttpLambdaIntegration('Integration', handler),
    })
    acknowledge(route, {
      'AwsSolutions-APIG4':
        'Its function checks the bearer token itself, so that rejections have our own error format (liveness and "not found" are public)',
    })
  }

  private domainMapping({ domain }: StageConfig): Pick<api.HttpStageProps, 'domainMapping'> {
    if (!domain) return {}
    const { domainName } = new CustomDomain(this, 'Domain', { name: domain.http, ...domain })
    return { domainMapping: { domainName } }
  }
}

function routeKeyOf(key: string): api.HttpRouteKey {
  if (key === '$default') return api.HttpRouteKey.DEFAULT
  const [method, path] = key.split(' ')
  if (!path || !isMethod(method)) throw new Error(`functions/routes.ts: "${key}" is not a route key of an HTTP API`)
  return api.HttpRouteKey.with(path, method)
}

function isMethod(method: string | undefined): method is api.HttpMethod {
  return Object.values<string | undefined>(api.HttpMethod).includes(method)
}

function cors(origins: readonly string[]): api.CorsPreflightOptions {
  return {
    allowOrigins: [...origins],
    allowMethods: [api.CorsHttpMethod.GET, api.CorsHttpMethod.POST, api.CorsHttpMethod.DELETE],
    allowHeaders: ['authorization', 'content-type', 'accept-language', 'idempotency-key'],
    exposeHeaders: ['retry-after'],
    maxAge: Duration.hours(1),
  }
}

const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    ip: '$context.identity.sourceIp',
    requestTime: '$context.requestTime',
    routeKey: '$context.routeKey',
    status: '$context.status',
    integrationStatus: '$context.integration.status',
    responseLatency: '$context.responseLatency',
    integrationError: '$context.integrationErrorMessage',
  }),
)

/**
 * Requests with a server error, but for the 503 of a function: its codes have alarms of their own, except `BUSY`, which a
 * company can bring about by itself.
 */
const failed = FilterPattern.all(
  FilterPattern.stringValue('$.status', '=', '5*'),
  FilterPattern.stringValue('$.integrationStatus', '!=', '503'),
)

/** Requests that the stage's throttle has refused: no function was asked, unlike for a 429 of ours. */
const throttled = FilterPattern.all(
  FilterPattern.stringValue('$.status', '=', '429'),
  FilterPattern.stringValue('$.integrationStatus', '=', '-'),
)
