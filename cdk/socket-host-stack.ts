import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import type { TableRight } from '../functions/routes.ts'
import { shardQueueArns } from './constructs/command-queues.ts'
import {
  grantConnections,
  grantDataKeys,
  grantItems,
  grantReadSecret,
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

/** Rights of a host on the control table, by partition (docs/architecture.md, "Tables"). */
const controlRights: readonly TableRight[] = [
  { partitions: ['C#*'], actions: ['GetItem', 'Query', 'UpdateItem', 'DeleteItem'] },
  { partitions: ['SHARD#*'], actions: ['GetItem', 'BatchGetItem', 'Query', 'UpdateItem', 'DeleteItem'] },
  { partitions: ['HOST#*'], actions: ['BatchGetItem', 'PutItem'] },
  { partitions: ['FUSE', 'BUDGET#*'], actions: ['GetItem', 'PutItem'] },
  { partitions: ['METRIC#*'], actions: ['UpdateItem'] },
  // A session that must pair afresh takes a code; the links of phones are noted (R24).
  { partitions: ['PHONE#*'], actions: ['Query', 'UpdateItem'] },
]

/** Rights of a host on the credentials table. Rows are deleted in batches only, for which IAM needs no other action. */
const credentialRights: readonly TableRight<'C#*#G#*'>[] = [
  {
    partitions: ['C#*#G#*'],
    actions: ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'BatchWriteItem'],
  },
]

function grantHost(role: Role, { stage, data, webSocketStage }: SocketHostStackProps): void {
  grantItems(data.tables.control, controlRights, role)
  grantItems(data.tables.credentials, credentialRights, role)
  grantReceive(shardQueueArns(role, stage), role)
  grantSend([data.watchdog.queue.queueArn], role)
  grantDataKeys(data.secrets.credentialsKey, role)
  grantConnections(webSocketStage, role)
  grantReadSecret(data.secrets.phoneHash, role)
}
