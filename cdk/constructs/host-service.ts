import { Duration } from 'aws-cdk-lib'
import { AdjustmentType } from 'aws-cdk-lib/aws-applicationautoscaling'
import { type IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events'
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets'
import { Construct } from 'constructs'
import { metricNames, metricNamespace } from '#shared/telemetry/metric-names.ts'
import type { StageConfig } from '../stage.ts'
import { acknowledge } from './acknowledge.ts'
import { type Alerts, fiveMinutes } from './alerts.ts'
import type { HostNetwork } from './host-network.ts'

export type HostServiceProps = {
  readonly stage: StageConfig
  readonly network: HostNetwork
  readonly definition: ecs.FargateTaskDefinition
  /** Seconds for which the oldest command has waited. */
  readonly oldestCommands: readonly IMetric[]
  readonly alerts: Alerts
}

/** The fleet of socket hosts. */
export class HostService extends Construct {
  readonly service: ecs.FargateService

  constructor(scope: Construct, id: string, props: HostServiceProps) {
    super(scope, id)
    const { stage, network, definition } = props
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc: network.vpc }) as ecs.ICluster // As in HostNetwork.
    acknowledge(cluster, {
      'AwsSolutions-ECS4':
        'Task counts, processor and memory come without Container Insights, the rest from our own metrics',
    })
    this.service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: definition,
      vpcSubnets: network.subnets,
      assignPublicIp: network.assignPublicIp,
      securityGroups: [network.securityGroup],
      // New hosts first, then the old ones hand their shards over.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      enableExecuteCommand: false,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    })
    // All of it: `internetConnectivityEstablished` has the gateway only, and without routes the first hosts could fetch no image.
    this.service.node.addDependency(network.vpc)
    this.scale(props)
    this.addAlarms(stage, props.alerts)
  }

  /** No desired count in the service: it would reset the fleet at each deploy. The minimum here starts it. */
  private scale({ stage, oldestCommands }: HostServiceProps): void {
    const count = this.service.autoScaleTaskCount({
      minCapacity: stage.hosts.min,
      maxCapacity: Math.min(stage.hosts.max, stage.shards),
    })
    count.scaleToTrackCustomMetric('Sessions', {
      metric: new Metric({
        namespace: metricNamespace(stage.name),
        metricName: metricNames.sessions,
        statistic: 'Average',
        period: Duration.minutes(1),
      }),
      targetValue: stage.hosts.sessionsPerHost,
      scaleOutCooldown: Duration.minutes(2),
      // Every host that goes disturbs its sessions, so go slowly.
      scaleInCooldown: Duration.minutes(30),
    })
    oldestCommands.forEach((metric, group) => {
      count.scaleOnMetric(`Commands${group}`, {
        metric,
        adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
        // It never scales in: an empty queue says nothing about the sessions that hosts hold.
        scalingSteps: [
          { upper: 10, change: 0 },
          { lower: 15, change: +1 },
          { lower: 60, change: +2 },
        ],
        cooldown: Duration.minutes(3),
      })
    })
  }

  private addAlarms(stage: StageConfig, alerts: Alerts): void {
    alerts.add(this, 'Missing', {
      summary: 'Fewer hosts run than the stage asks for',
      runbook: 'hosts-missing',
      // Each running task reports its CPU once a minute; the count of reports is the count of tasks, at no extra charge.
      metric: this.service.metricCpuUtilization({ statistic: 'SampleCount', period: Duration.minutes(1) }),
      threshold: stage.hosts.min,
      below: true,
      periods: 5,
      missingIsBad: true,
    })
    alerts.add(this, 'MemoryFull', {
      summary: 'A host runs out of memory',
      runbook: 'host-memory-full',
      metric: this.service.metricMemoryUtilization({ statistic: 'Maximum', period: fiveMinutes }),
      // Below the share of its heap (HostTask): otherwise the process ends before anybody is told.
      threshold: 70,
    })
    alerts.add(this, 'CpuFull', {
      summary: 'Hosts have no processor time left',
      runbook: 'host-cpu-full',
      metric: this.service.metricCpuUtilization({ statistic: 'Maximum', period: fiveMinutes }),
      // A host is one thread: it is full when it has used one core, however many the task has.
      threshold: Math.min(90, (90 * 1024) / stage.hosts.cpu),
      periods: 3,
    })
    this.tellFailedDeployments(alerts)
  }

  /** The circuit breaker rolls a bad deployment back in silence; somebody should know. */
  private tellFailedDeployments(alerts: Alerts): void {
    const rule = new Rule(this, 'DeploymentFailed', {
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Deployment State Change'],
        resources: [this.service.serviceArn],
        detail: { eventName: ['SERVICE_DEPLOYMENT_FAILED'] },
      },
      targets: [
        new SnsTopic(alerts.topic, {
          message: RuleTargetInput.fromText(
            `Pairplane: a deployment of hosts failed and was rolled back (${EventField.fromPath('$.detail.reason')}). See docs/runbook.md#deployment-failed`,
          ),
        }),
      ],
    })
    acknowledge(rule, { 'Serverless-EventBusDLQ': 'A notice to people; the roll-back does not depend on it' })
  }
}
