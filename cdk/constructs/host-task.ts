import { Duration } from 'aws-cdk-lib'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { hostDefaults } from '#shared/config/settings.ts'
import { heapMb, type StageConfig } from '../stage.ts'
import { acknowledge } from './acknowledge.ts'
import { logGroup } from './logs.ts'

export type HostTaskProps = {
  readonly stage: StageConfig
  /** Docker context with the Dockerfile and what it copies. */
  readonly image: string
  readonly environment: Record<string, string>
}

/** The task definition of a socket host: its image, size, process and role. */
export class HostTask extends Construct {
  readonly definition: ecs.FargateTaskDefinition
  /** Permissions of the process. ECS starts the task with another role, the execution role. */
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
      // The heap size is not in NODE_OPTIONS: the health check is a process of its own and would get the same heap.
      command: ['node', `--max-old-space-size=${heapMb(stage)}`, 'main.mjs'],
      environment: { ...environment, NODE_OPTIONS: '--enable-source-maps', UV_THREADPOOL_SIZE: String(threads) },
      user: 'node',
      readonlyRootFilesystem: true,
      linuxParameters: new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
      healthCheck,
      // Fargate's maximum; a stopping host waits for its attempts for less (DRAIN_SECONDS).
      stopTimeout: Duration.seconds(120),
      logging: ecs.LogDrivers.awsLogs({
        logGroup: logGroup(this, 'Logs', stage.logRetentionDays),
        streamPrefix: 'host',
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
      }),
    })
    recordAssetFolder(this.definition, asset)
    acknowledge(this.definition, {
      'AwsSolutions-ECS2': 'The variables contain no secrets, only names, limits, and ARNs that the role may read',
    })
    acknowledge(this.definition.obtainExecutionRole(), {
      'AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken does not support resources',
    })
  }
}

/**
 * Threads of Node for look-ups of names and the derived keys of codes. With Node's four, as many look-ups without an
 * answer would hold up every code and every new connection.
 */
const threads = 16

/** Time limit of the health check itself: less than the limit after which ECS ends it. */
const healthTimeoutMs = 4_000

/**
 * Returns a command that checks an endpoint's health in a process of its own: exit code 0 for status 200, else 1. It uses
 * `node:http`, because `fetch` would load a second client for each check: half a second and 62 MB, next to a host with 512 MB.
 */
export const healthCommand = (url: string, timeoutMs: number): string[] => [
  'node',
  '-e',
  [
    `setTimeout(() => process.exit(1), ${timeoutMs})`,
    `require('node:http').get('${url}', (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`,
  ].join('; '),
]

/**
 * The container's health check. A host answers 200 while its event loop runs and it can read credentials
 * (socket-host/fleet/health.ts).
 */
const healthCheck: ecs.HealthCheck = {
  command: ['CMD', ...healthCommand(`http://127.0.0.1:${hostDefaults.healthPort}/health`, healthTimeoutMs)],
  interval: Duration.seconds(15),
  timeout: Duration.seconds(5),
  retries: 3,
  startPeriod: Duration.seconds(60),
}

/**
 * Writes the image's folder into the template's metadata, as the CDK does for functions: the local run starts the host
 * from that folder.
 */
function recordAssetFolder(definition: ecs.FargateTaskDefinition, asset: DockerImageAsset): void {
  const resource = definition.node.defaultChild
  if (resource instanceof ecs.CfnTaskDefinition) asset.addResourceMetadata(resource, 'ContainerDefinitions.0.Image')
}
