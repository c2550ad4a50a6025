import { Aws } from 'aws-cdk-lib'
import type { HttpStage, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import { Construct } from 'constructs'
import type { DataStack } from '../data-stack.ts'
import type { StageConfig } from '../stage.ts'
import { fiveMinutes } from './alerts.ts'
import { type OwnMetrics, ownMetrics } from './own-metrics.ts'

export type DashboardProps = {
  readonly stage: StageConfig
  readonly data: DataStack
  readonly webSocketStage: WebSocketStage
  readonly httpStage: HttpStage
  readonly service: FargateService
}

/** The dashboard of a stage: pairing as owners see it at the top, then sessions, queues and tables, and the APIs. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id)
    const own = ownMetrics(props.stage.name)
    new cloudwatch.Dashboard(this, 'Dashboard', {
      // With the region: names of dashboards are global in an account, and a stage may run in two regions.
      dashboardName: `pairplane-${props.stage.name}-${Aws.REGION}`,
      widgets: [pairing(own), sessions(own, props), commands(props), apis(props)],
    })
  }
}

function pairing(own: OwnMetrics): cloudwatch.IWidget[] {
  return [
    graph('Pairing funnel', [
      own.of('pairingRequested', 'Sum'),
      own.of('codeIssued', 'Sum'),
      own.of('phoneConfirmed', 'Sum'),
      own.of('linked', 'Sum'),
    ]),
    graph('Refusals and failures by code', [own.failures()]),
    graph('Time to code and to link (ms)', [
      own.of('timeToCode', 'p50'),
      own.of('timeToCode', 'p90'),
      own.of('timeToLink', 'p50'),
      own.of('timeToLink', 'p90'),
    ]),
  ]
}

function sessions(own: OwnMetrics, { service }: DashboardProps): cloudwatch.IWidget[] {
  return [
    graph('Sessions per host', [own.of('sessions', 'Average'), own.of('sessions', 'Maximum')]),
    graph('Reconnects, take-overs, phone changes', [
      own.of('reconnects', 'Sum'),
      own.of('leaseTakeovers', 'Sum'),
      own.of('phoneMismatch', 'Sum'),
    ]),
    graph('Hosts: processor and memory (%)', [
      service.metricCpuUtilization({ statistic: 'Maximum', period: fiveMinutes }),
      service.metricMemoryUtilization({ statistic: 'Maximum', period: fiveMinutes }),
    ]),
  ]
}

function commands({ data }: DashboardProps): cloudwatch.IWidget[] {
  return [
    graph('Oldest command (s)', [...data.commands.oldestCommands]),
    graph('Dead letters', [
      data.commands.deadLetters.metricApproximateNumberOfMessagesVisible({ label: 'commands' }),
      data.watchdog.deadLetters.metricApproximateNumberOfMessagesVisible({ label: 'watchdog' }),
    ]),
    graph('Tables: consumed writes', [
      data.tables.control.metricConsumedWriteCapacityUnits({ label: 'control', statistic: 'Sum' }),
      data.tables.credentials.metricConsumedWriteCapacityUnits({ label: 'credentials', statistic: 'Sum' }),
    ]),
  ]
}

function apis({ webSocketStage, httpStage }: DashboardProps): cloudwatch.IWidget[] {
  const webSocket = (name: string, statistic: string) => webSocketStage.metric(name, { statistic, period: fiveMinutes })
  return [
    graph('WebSocket API', [webSocket('ConnectCount', 'Sum'), webSocket('MessageCount', 'Sum')]),
    graph('Errors of both APIs', [
      webSocket('IntegrationError', 'Sum'),
      webSocket('ClientError', 'Sum'),
      httpStage.metricServerError({ statistic: 'Sum', period: fiveMinutes }),
      httpStage.metricClientError({ statistic: 'Sum', period: fiveMinutes }),
    ]),
    graph('Latency p95 (ms)', [
      webSocket('IntegrationLatency', 'p95'),
      httpStage.metricLatency({ statistic: 'p95', period: fiveMinutes }),
    ]),
  ]
}

function graph(title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, left, width: 8, height: 6 })
}
