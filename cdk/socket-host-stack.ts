import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { shardQueueArns } from './constructs/command-queues.ts'
import {
  grantConnections,
  grantCredentials,
  grantDataKeys,
  grantReadSecret,
  grantReadWriteItems,
  grantReceive,
  grantSend,
} from './constructs/grants.ts'
import { HostNetwork } from './constructs/host-network.ts'
import { HostService } from './constructs/host-service.ts'
import { HostTask } from './constructs/host-task.ts'
import type { DataStack } from './data-stack.ts'
import { hostEnvironment } from './environment.ts'
import type { StageConfig } from './stage.ts'

export type SocketHostStackProps = {
  readonly stage: StageConfig
  readonly data: DataStack
  readonly webSocketStage: WebSocketStage
  /** Docker context of the image. */
  readonly image: string
  readonly buildVersion: string
}

/** The long-lived part: the hosts, which keep the WhatsApp sockets. Only they can read credentials. */
export class SocketHostStack extends Stack {
  readonly service: FargateService

  constructor(scope: Construct, id: string, props: SocketHostStackProps) {
    const { stage, data, webSocketStage } = props
    super(scope, id, { description: `Pairplane ${stage.name}: socket hosts` })
    const network = new HostNetwork(this, 'Network', stage)
    const { definition, role } = new HostTask(this, 'Host', {
      stage,
      image: props.image,
      environment: hostEnvironment({ ...props, callbackUrl: webSocketStage.callbackUrl }),
    })
    grantHost(role, props)
    const { service } = new HostService(this, 'Fleet', {
      stage,
      network,
      definition,
      alerts: data.alerts,
    })
    this.service = service
    new CfnOutput(this, 'HostService', {
      value: `${service.cluster.clusterName}/${service.serviceName}`,
      description: 'For operators: cluster and service of the hosts (docs/operations.md)',
    })
  }
}

function grantHost(role: Role, { stage, data, webSocketStage }: SocketHostStackProps): void {
  grantReadWriteItems(data.tables.control, role)
  grantCredentials(data.tables.credentials, role)
  grantReceive(shardQueueArns(role, stage), role)
  grantSend([data.watchdog.queue.queueArn], role)
  grantDataKeys(data.secrets.credentialsKey, role)
  grantConnections(webSocketStage, role)
  grantReadSecret(data.secrets.phoneHash, role)
}
