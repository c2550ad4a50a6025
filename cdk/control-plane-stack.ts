import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { httpRoutes, webSocketRoutes } from '../functions/routes.ts'
import { acknowledge } from './constructs/acknowledge.ts'
import { ApiFunctions } from './constructs/api-functions.ts'
import { ApiLogRole } from './constructs/api-log-role.ts'
import { HttpEndpoint } from './constructs/http-endpoint.ts'
import { WebSocketEndpoint } from './constructs/web-socket-endpoint.ts'
import type { DataStack } from './data-stack.ts'
import type { StageConfig } from './stage.ts'

export type ControlPlaneStackProps = {
  readonly stage: StageConfig
  readonly data: DataStack
  /** Folder of all bundles. */
  readonly bundles: string
  readonly buildVersion: string
}

/** The serverless part: both APIs and the functions behind them. It cannot read credentials. */
export class ControlPlaneStack extends Stack {
  readonly webSocket: WebSocketEndpoint
  readonly http: HttpEndpoint

  constructor(scope: Construct, id: string, props: ControlPlaneStackProps) {
    const { stage, data } = props
    super(scope, id, { description: `Pairplane ${stage.name}: WebSocket and HTTP APIs, functions` })
    this.webSocket = new WebSocketEndpoint(this, 'WebSocket', { stage, alerts: data.alerts })
    if (stage.createsApiLogRole) this.webSocket.stage.node.addDependency(new ApiLogRole(this, 'ApiLogRole'))
    const handlers = new ApiFunctions(this, 'Functions', { ...props, webSocketStage: this.webSocket.stage })

    this.webSocket.authorizeWith(handlers.get('authorizer'))
    for (const [key, name] of Object.entries(webSocketRoutes)) this.webSocket.addRoute(key, handlers.get(name))
    this.http = new HttpEndpoint(this, 'Http', { stage, alerts: data.alerts })
    for (const [key, name] of Object.entries(httpRoutes)) this.http.addRoute(key, handlers.get(name))
    deliverMessages(data.watchdog.queue, handlers.get('watchdog'))
    this.addOutputs(stage)
  }

  /** Adds the outputs that a marketplace needs. */
  private addOutputs(stage: StageConfig): void {
    new CfnOutput(this, 'WebSocketUrl', { value: this.webSocket.url, description: 'Clients connect here' })
    new CfnOutput(this, 'HttpUrl', { value: this.http.url, description: 'Base of the HTTP API' })
    new CfnOutput(this, 'TokenIssuer', { value: stage.tokens.issuer, description: 'Claim iss of every token' })
    new CfnOutput(this, 'TokenAudience', { value: stage.tokens.audience, description: 'Claim aud of every token' })
  }
}

/**
 * Delivers the queue's messages to the function. Only the messages that failed are retried, and finally become dead
 * letters.
 */
function deliverMessages(queue: Queue, handler: LambdaFunction): void {
  handler.addEventSource(
    new SqsEventSource(queue, { batchSize: 10, maxConcurrency: 10, reportBatchItemFailures: true }),
  )
  acknowledge(handler, {
    'Serverless-LambdaEventSourceMappingDestination':
      'SQS event sources have no destinations: the queue has its own dead-letter queue',
  })
}
