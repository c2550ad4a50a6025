import { Duration } from 'aws-cdk-lib'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { hostDefaults } from '#shared/config/settings.ts'
import type { StageConfig } from '../stage.ts'
import { acknowledge } from './acknowledge.ts'
import { logGroup } from './logs.ts'

export type HostTaskProps = {
  readonly stage: StageConfig
  /** Docker context with the Dockerfile and what it copies. */
  readonly image: string
  readonly environment: Record<string, string>
}

/** What one socket host is: its image, its size, its process. */
export class HostTask extends Construct {
  readonly definition: ecs.FargateTaskDefinition
  /** What the process may do; the role that starts the task is another. */
  readonly role: Role

  constructor(scope: Construct, id: string, { stage, image, environment }: HostTaskProps) {
    super(scope, id)
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') })
    this.definition = new ecs.FargateTaskDefinition(this, 'Definition', {
      cpu: stage.hosts.cpu,
      memoryLimitMiB: stage.hosts.memoryMb,
      taskRole: this.role,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    })
    const asset = new DockerImageAsset(this, 'Image', { directory: image, platform: Platform.LINUX_ARM64 })
    this.definition.addContainer('SocketHost', {
      image: ecs.ContainerImage.fromDockerImageAsset(asset),
      // A local run finds it here, and the health check is a process of its own that must not get the heap from NODE_OPTIONS.
      command: ['node', `--max-old-space-size=${heapMb(stage.hosts.memoryMb)}`, 'main.mjs'],
      environment: { ...environment, NODE_OPTIONS: '--enable-source-maps' },
      user: 'node',
      readonlyRootFilesystem: true,
      linuxParameters: new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
      healthCheck,
      // The longest that Fargate grants; a stopping host drains its attempts in less (DRAIN_SECONDS).
      stopTimeout: Duration.seconds(120),
      logging: ecs.LogDrivers.awsLogs({
        logGroup: logGroup(this, 'Logs', stage.logRetentionDays),
        streamPrefix: 'host',
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
      }),
    })
    tellAssetFolder(this.definition, asset)
    acknowledge(this.definition, {
      'AwsSolutions-ECS2': 'No secret is among the variables: names, limits, and the ARNs of what the role may read',
    })
    acknowledge(this.definition.obtainExecutionRole(), {
      'AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken knows no resources',
    })
  }
}

/** Node would take about half and end there; the rest is for what lies outside of the heap. */
const heapMb = (memoryMb: number): number => Math.floor(memoryMb * 0.75)

/** Within this time the health check ends by itself, before ECS ends it. */
const healthWithinMs = 4_000

/**
 * A check of an endpoint's health in a process of its own: exit code 0 for 200, else 1. By Node's own client, since `fetch`
 * would load a second one for each check: half a second and 62 MB, beside a host that has 512.
 */
export const healthCommand = (url: string, withinMs: number): string[] => [
  'node',
  '-e',
  [
    `setTimeout(() => process.exit(1), ${withinMs})`,
    `require('node:http').get('${url}', (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`,
  ].join('; '),
]

/** Asks the host itself: it answers 200 while its event loop turns and it reaches its leases (socket-host/fleet/health.ts). */
const healthCheck: ecs.HealthCheck = {
  command: ['CMD', ...healthCommand(`http://127.0.0.1:${hostDefaults.healthPort}/health`, healthWithinMs)],
  interval: Duration.seconds(15),
  timeout: Duration.seconds(5),
  retries: 3,
  startPeriod: Duration.seconds(60),
}

/** Writes the image's folder into the template, as the CDK does for functions: the local run starts the process from there. */
function tellAssetFolder(definition: ecs.FargateTaskDefinition, asset: DockerImageAsset): void {
  const resource = definition.node.defaultChild
  if (resource instanceof ecs.CfnTaskDefinition) asset.addResourceMetadata(resource, 'ContainerDefinitions.0.Image')
}
