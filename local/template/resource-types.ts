/** Every resource type that a template may hold: realised, or known to make no difference here. Any other is refused. */
import * as v from 'valibot'
import type { Assembly, Resource } from './assembly.ts'
import { describe } from './properties.ts'

/** Types that the local run acts on. */
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

/** Types about which there is nothing to do: permissions, networks, and what watches or scales the rest. */
const ignoredTypes: ReadonlySet<string> = new Set([
  // Nobody is refused anything by IAM here; that each role is narrow is for the infrastructure's tests to say.
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
  // The terminal shows what happens.
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::SNS::Topic',
  'AWS::SNS::Subscription',
  'AWS::Budgets::Budget',
  // `--hosts` says how many there are.
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

/** Whether the local run acts on a type. */
export function isRealised(type: string): type is RealisedType {
  return realisedTypes.some((known) => known === type)
}

/** All resources that are acted on; throws an error that names each resource of a type that is neither realised nor ignored. */
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

/** Whether a rule only reacts to what AWS's own services report; none does so here. A schedule would make a difference. */
function waitsForAws({ properties }: Resource): boolean {
  const rule = v.safeParse(v.object({ EventPattern: v.object({ source: v.array(v.string()) }) }), properties)
  return rule.success && rule.output.EventPattern.source.every((source) => source.startsWith('aws.'))
}
