import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
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
  readonly alerts: Alerts
}

/**
 * Returns that many percent of one core as a percentage of the task's processors. A host is one thread: it is fully
 * loaded when it uses one core, however many the task has.
 */
const shareOfOneCore = ({ hosts }: StageConfig, percent: number) => Math.min(percent, (percent * 1024) / hosts.cpu)

/** The fleet of socket hosts. */
export class HostService extends Construct {
  readonly service: ecs.FargateService

  constructor(scope: Construct, id: string, props: HostServiceProps) {
    super(scope, id)
    const { stage, network, definition } = props
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc: network.vpc }) as ecs.ICluster // Cast as in HostNetwork.
    acknowledge(cluster, {
      'AwsSolutions-ECS4':
        'Task counts, CPU and memory are available without Container Insights, everything else is in our own metrics',
    })
    this.service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: definition,
      vpcSubnets: network.subnets,
      assignPublicIp: network.assignPublicIp,
      securityGroups: [network.securityGroup],
      // New hosts start first, then the old ones hand over their shards.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      enableExecuteCommand: false,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    })
    // The whole VPC: `internetConnectivityEstablished` covers only the gateway, and the first hosts need routes to pull
    // their image.
    this.service.node.addDependency(network.vpc)
    this.scale(props)
    this.addAlarms(stage, props.alerts)
  }

  /**
   * Adds auto scaling. The service has no desired count, which would reset the fleet at each deploy; the minimum starts
   * the hosts. Hosts are added for what they lack, places or processor time, and not for commands that wait: a command
   * that no host can carry out would wait as long with twice as many.
   */
  private scale({ stage }: HostServiceProps): void {
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
      // Slowly: the sessions of a host that stops must reconnect.
      scaleInCooldown: Duration.minutes(30),
    })
    // A host's work is one thread. The mean over the hosts, so that one busy host among idle ones buys none.
    count.scaleToTrackCustomMetric('Processor', {
      metric: this.service.metricCpuUtilization({ statistic: 'Average', period: Duration.minutes(1) }),
      targetValue: shareOfOneCore(stage, 60),
      scaleOutCooldown: Duration.minutes(3),
      // Both policies must agree before a host is removed: one that never agrees would not keep the host that it has added.
      scaleInCooldown: Duration.minutes(30),
    })
  }

  private addAlarms(stage: StageConfig, alerts: Alerts): void {
    alerts.add(this, 'Missing', {
      summary: 'Fewer hosts run than the stage asks for',
      runbook: 'hosts-missing',
      // Each running task reports its CPU once a minute: the number of reports is the number of tasks, at no extra charge.
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
      // Below the heap's share of the memory (HostTask): otherwise the process would crash before the alarm fires.
      threshold: 70,
    })
    alerts.add(this, 'CpuFull', {
      summary: 'Hosts have no processor time left',
      runbook: 'host-cpu-full',
      metric: this.service.metricCpuUtilization({ statistic: 'Maximum', period: fiveMinutes }),
      threshold: shareOfOneCore(stage, 90),
      periods: 3,
    })
    this.notifyFailedDeployments(alerts)
  }

  /** Notifies the topic of failed deployments: the circuit breaker rolls them back without any alarm. */
  private notifyFailedDeployments(alerts: Alerts): void {
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
    acknowledge(rule, {
      'Serverless-EventBusDLQ': 'Only a notification to operators; the roll-back does not depend on it',
    })
  }
}
