/** Resource types that a template may contain: realised, or known to make no difference locally. Any other is refused. */
import * as v from 'valibot'
import type { Assembly, Resource } from './assembly.ts'
import { describe } from './properties.ts'

/** Types that the local run creates or runs. */
const realisedTypes = [
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Authorizer',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::RouteResponse',
  'AWS::ApiGatewayV2::Stage',
  'AWS::DynamoDB::GlobalTable',
  'AWS::DynamoDB::Table',
  'AWS::ECS::TaskDefinition',
  'AWS::KMS::Alias',
  'AWS::KMS::Key',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::SQS::Queue',
  'AWS::SecretsManager::Secret',
] as const
export type RealisedType = (typeof realisedTypes)[number]

/** Types that the local run does not create: permissions, networks, monitoring and scaling. */
const ignoredTypes: ReadonlySet<string> = new Set([
  // Read by `roles.ts`, as far as they are about DynamoDB; test/cdk checks that each role is narrow.
  'AWS::IAM::Policy',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Role',
  'AWS::Lambda::Permission',
  'AWS::SQS::QueuePolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SecretsManager::ResourcePolicy',
  // Everything is on the loopback.
  'AWS::EC2::FlowLog',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::NatGateway',
  'AWS::EC2::EIP',
  'AWS::EC2::NetworkAcl',
  'AWS::EC2::Route',
  'AWS::EC2::RouteTable',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetNetworkAclAssociation',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPC',
  'AWS::EC2::VPCEndpoint',
  'AWS::EC2::VPCGatewayAttachment',
  // A local run logs to the terminal instead.
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::SNS::Topic',
  'AWS::SNS::Subscription',
  'AWS::Budgets::Budget',
  // `--hosts` sets the number of hosts.
  'AWS::ApplicationAutoScaling::ScalableTarget',
  'AWS::ApplicationAutoScaling::ScalingPolicy',
  'AWS::ECS::Cluster',
  'AWS::ECS::ClusterCapacityProviderAssociations',
  'AWS::ECS::Service',
  // API Gateway's account-wide role for its logs, and the snapshot of an API that a stage serves.
  'AWS::ApiGateway::Account',
  'AWS::ApiGatewayV2::Deployment',
  'AWS::CDK::Metadata',
])

/** True when the local run creates or runs resources of the type. */
export function isRealised(type: string): type is RealisedType {
  return realisedTypes.some((known) => known === type)
}

/**
 * Returns the realised resources. Throws an error that names each resource of a type that is neither realised nor
 * ignored.
 */
export function realisedResources(assembly: Assembly): Resource[] {
  const all = assembly.stacks.flatMap((stack) => [...stack.resources.values()])
  const unknown = all.filter((resource) => !isRealised(resource.type) && !isIgnored(resource))
  if (unknown.length > 0) {
    throw new Error(`The local run does not understand these resources: ${unknown.map(describe).join(', ')}`)
  }
  return all.filter(({ type }) => isRealised(type))
}

function isIgnored(resource: Resource): boolean {
  return ignoredTypes.has(resource.type) || (resource.type === 'AWS::Events::Rule' && waitsForAws(resource))
}

/**
 * True when a rule only reacts to events of AWS's own services, which do not occur locally. A rule with a schedule must
 * not be ignored.
 */
function waitsForAws({ properties }: Resource): boolean {
  const rule = v.safeParse(v.object({ EventPattern: v.object({ source: v.array(v.string()) }) }), properties)
  return rule.success && rule.output.EventPattern.source.every((source) => source.startsWith('aws.'))
}
