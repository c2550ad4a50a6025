import { Match } from 'aws-cdk-lib/assertions'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { SocketHostEnv } from '#shared/config/env.ts'
import { itemPermissions, only, permissions, prodShards, resources, synthesize } from './synthesize.ts'

const { socketHost } = synthesize('prod')
const container = only(socketHost, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions[0]
const environment: Record<string, unknown> = Object.fromEntries(
  container.Environment.map(({ Name, Value }: { Name: string; Value: unknown }) => [Name, Value]),
)

describe('the network', () => {
  it('lets nothing in', () => {
    socketHost.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0)
    expect(only(socketHost, 'AWS::EC2::SecurityGroup').Properties.SecurityGroupIngress).toBeUndefined()
    expect(container.PortMappings).toBeUndefined()
  })

  it('costs no NAT gateway, unless the stage asks for private subnets', () => {
    socketHost.resourceCountIs('AWS::EC2::NatGateway', 0)
    const { socketHost: closed } = synthesize('prod', (stage) => ({ ...stage, network: 'private-with-nat' }))
    closed.resourceCountIs('AWS::EC2::NatGateway', 2)
    closed.hasResourceProperties('AWS::ECS::Service', {
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
    })
  })

  it('reaches the tables without leaving AWS', () => {
    socketHost.resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' }, 2)
  })
})

describe('the container', () => {
  it('runs as an ordinary user on a read-only file system, with an init', () => {
    expect(container).toMatchObject({
      User: 'node',
      ReadonlyRootFilesystem: true,
      LinuxParameters: { InitProcessEnabled: true },
      Command: ['node', expect.any(String), 'main.mjs'],
    })
  })

  it.each([
    ['dev', 384],
    ['prod', 1536],
  ])('has three quarters of its memory for its heap in %s, and an alarm before that', (stageName, heapMb) => {
    const { socketHost: stack } = synthesize(stageName)
    const { Memory, ContainerDefinitions } = only(stack, 'AWS::ECS::TaskDefinition').Properties
    const [{ Command, Environment, HealthCheck }] = ContainerDefinitions
    expect(heapMb).toBe(Number(Memory) * 0.75)
    expect(Command).toEqual(['node', `--max-old-space-size=${heapMb}`, 'main.mjs'])
    // From NODE_OPTIONS the health check would get the same heap, next to the host in the same memory.
    expect(JSON.stringify([Environment, HealthCheck])).not.toContain('max-old-space-size')
    stack.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'MemoryUtilization', Threshold: 70 })
  })

  it('has time to drain before it is killed', () => {
    expect(container.StopTimeout).toBe(120)
    expect(Number(environment['DRAIN_SECONDS'])).toBeLessThanOrEqual(container.StopTimeout - 20)
  })

  it('is asked for its health where it listens', () => {
    expect(container.HealthCheck.Command.join(' ')).toContain(`http://127.0.0.1:${environment['HEALTH_PORT']}/health`)
  })

  it('has what the environment schema asks for, and nothing else', () => {
    const { NODE_OPTIONS: _, UV_THREADPOOL_SIZE: threads, ...variables } = environment
    // Only what the process starts with counts: Node reads it before the first line of a program.
    expect(Number(threads)).toBeGreaterThanOrEqual(16)
    const plain = Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : 'a reference to shard-0.fifo',
      ]),
    )
    expect(v.safeParse(SocketHostEnv, plain).issues).toBeUndefined()
    expect(Object.keys(SocketHostEnv.entries)).toEqual(expect.arrayContaining(Object.keys(variables)))
  })

  it('is where a local run finds it', () => {
    const { Metadata } = only(socketHost, 'AWS::ECS::TaskDefinition')
    expect(Metadata['aws:asset:path']).toMatch(/^asset\./)
  })
})

describe('the role of a host', () => {
  const allowed = permissions(socketHost, 'Host/Role/')
  const on = (resource: string) =>
    allowed.filter((permission) => permission.includes(resource)).map((permission) => permission.split(' ')[0])

  it('reads and writes items, and never walks through a table', () => {
    const items = ['BatchGetItem', 'GetItem', 'Query', 'PutItem', 'UpdateItem'].map((action) => `dynamodb:${action}`)
    expect([...new Set(on('TablesControl'))].sort()).toEqual([...items, 'dynamodb:DeleteItem'].sort())
    expect(on('TablesCredentials').sort()).toEqual([...items, 'dynamodb:BatchWriteItem'].sort())
    const partitions = (table: string) =>
      itemPermissions(socketHost, 'Host/Role/', table).map((each) => each.split(' ')[1])
    expect(new Set(partitions('TablesCredentials'))).toEqual(new Set(['C#*#G#*']))
    // RATE# and IDEM# are of requests, which no host serves.
    expect(new Set(partitions('TablesControl'))).toEqual(
      new Set(['C#*', 'SHARD#*', 'HOST#*', 'FUSE', 'BUDGET#*', 'PHONE#*', 'METRIC#*']),
    )
  })

  it('makes and unwraps data keys, and nothing else with the key', () => {
    expect(on('CredentialsKey').sort()).toEqual(['kms:Decrypt', 'kms:GenerateDataKey'])
    socketHost.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
            Condition: {
              Null: { 'kms:EncryptionContext:companyId': 'false', 'kms:EncryptionContext:generation': 'false' },
            },
          }),
        ]),
      },
    })
  })

  it('takes commands, and sends none', () => {
    const actions = ['sqs:DeleteMessage', 'sqs:ReceiveMessage']
    for (let shard = 0; shard < prodShards; shard++)
      expect(on(`:pairplane-prod-shard-${shard}.fifo"`).sort(), `${shard}`).toEqual(actions)
    expect(on('.fifo')).toHaveLength(prodShards * actions.length)
    expect(on('WatchdogQueue')).toEqual(['sqs:SendMessage'])
  })

  it('pushes to connections and closes them, and cannot look at them', () => {
    const manages = allowed.filter((permission) => permission.startsWith('execute-api:'))
    const methods = manages.map((permission) => permission.match(/\/prod\/(\w+)\/@connections\/\*/)?.[1])
    expect(methods.sort()).toEqual(['DELETE', 'POST'])
  })

  it('cannot read the secret that signs tokens', () => {
    expect(allowed.join('\n')).not.toContain('TokenSecret')
    expect(on('PhoneHashSecret')).toEqual(['secretsmanager:GetSecretValue'])
  })

  it('names every resource', () => {
    expect(allowed.join('\n')).not.toMatch(/on "\*"|:\*/)
  })
})

describe('the fleet', () => {
  it('starts new hosts before it stops old ones, and rolls back what does not come up', () => {
    expect(only(socketHost, 'AWS::ECS::Service').Properties).toMatchObject({
      LaunchType: 'FARGATE',
      EnableExecuteCommand: false,
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
    })
    expect(only(socketHost, 'AWS::ECS::TaskDefinition').Properties.RuntimePlatform.CpuArchitecture).toBe('ARM64')
  })

  it.each(['public', 'private-with-nat'] as const)('starts when there is a route to the outside (%s)', (network) => {
    const { socketHost: stack } = synthesize('prod', (stage) => ({ ...stage, network }))
    const service = only(stack, 'AWS::ECS::Service')
    const types = ['AWS::EC2::Route', 'AWS::EC2::SubnetRouteTableAssociation', 'AWS::EC2::VPCGatewayAttachment']
    const routes = types.flatMap((type) => Object.keys(resources(stack, type)))
    expect(routes).toHaveLength(network === 'public' ? 5 : 9)
    expect(service.DependsOn).toEqual(expect.arrayContaining(routes))
  })

  it('keeps its size over a deploy', () => {
    expect(only(socketHost, 'AWS::ECS::Service').Properties.DesiredCount).toBeUndefined()
    expect(only(socketHost, 'AWS::ApplicationAutoScaling::ScalableTarget').Properties).toMatchObject({
      MinCapacity: 2,
      MaxCapacity: 16,
    })
  })

  const policies = (template: typeof socketHost) =>
    Object.values(resources(template, 'AWS::ApplicationAutoScaling::ScalingPolicy')).map(({ Properties }) => Properties)

  it('grows with the sessions per host, and shrinks with them slowly', () => {
    socketHost.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        CustomizedMetricSpecification: { MetricName: 'Sessions', Namespace: 'Pairplane/prod', Statistic: 'Average' },
        ScaleInCooldown: 1800,
      }),
    })
  })

  it.each([
    [256, 60],
    [1024, 60],
    [2048, 30],
  ] as const)(
    'with %i CPU units grows when hosts use %i percent of them, 60 percent of a core at most, and shrinks when both figures allow it',
    (cpu, target) => {
      const { socketHost: stack } = synthesize('prod', (stage) => ({ ...stage, hosts: { ...stage.hosts, cpu } }))
      const [, processor] = policies(stack).map((each) => each.TargetTrackingScalingPolicyConfiguration)
      expect(processor).toMatchObject({
        CustomizedMetricSpecification: { MetricName: 'CPUUtilization', Namespace: 'AWS/ECS', Statistic: 'Average' },
        TargetValue: target,
        ScaleInCooldown: 1800,
      })
    },
  )

  it('buys no host for commands that wait: one that nobody can carry out would add one every few minutes', () => {
    expect(policies(socketHost).map(({ PolicyType }) => PolicyType)).toEqual([
      'TargetTrackingScaling',
      'TargetTrackingScaling',
    ])
    expect(JSON.stringify(socketHost.toJSON())).not.toContain('ApproximateAgeOfOldestMessage')
  })
})
