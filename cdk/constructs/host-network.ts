import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'
import { logGroup } from './logs.ts'

export type HostNetworkProps = Pick<StageConfig, 'network' | 'logRetentionDays'>

/** The network of the hosts. Hosts only make outgoing connections, so no incoming ones are allowed. */
export class HostNetwork extends Construct {
  readonly vpc: ec2.IVpc
  readonly subnets: ec2.SubnetSelection
  readonly assignPublicIp: boolean
  readonly securityGroup: ec2.SecurityGroup

  constructor(scope: Construct, id: string, { network, logRetentionDays }: HostNetworkProps) {
    super(scope, id)
    const isPublic = network === 'public'
    this.assignPublicIp = isPublic
    this.subnets = { subnetType: isPublic ? ec2.SubnetType.PUBLIC : ec2.SubnetType.PRIVATE_WITH_EGRESS }
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      // Two: every region has two, and a stack that names no account cannot use more.
      maxAzs: 2,
      natGateways: isPublic ? 0 : 2,
      subnetConfiguration: isPublic ? [publicSubnet] : [publicSubnet, privateSubnet],
      // Nothing uses the default group. Emptying it would need a custom resource, one more function to run and to patch.
      restrictDefaultSecurityGroup: false,
      // Free of charge; they keep the traffic to the tables and to the image's layers within AWS's network.
      gatewayEndpoints: {
        DynamoDb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
      },
      // The class has `T | undefined` where its interface has an optional member; `exactOptionalPropertyTypes` tells
      // them apart.
    }) as ec2.IVpc
    // Only rejected traffic: accepted traffic is the hosts' own outgoing connections.
    this.vpc.addFlowLog('Refused', {
      trafficType: ec2.FlowLogTrafficType.REJECT,
      destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup(this, 'RefusedLogs', logRetentionDays)),
    })
    this.securityGroup = new ec2.SecurityGroup(this, 'Hosts', {
      vpc: this.vpc,
      description: 'Pairplane socket hosts: no ingress',
      allowAllOutbound: true,
    })
  }
}

const publicSubnet: ec2.SubnetConfiguration = { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 20 }
const privateSubnet: ec2.SubnetConfiguration = {
  name: 'Private',
  subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS,
  cidrMask: 20,
}
