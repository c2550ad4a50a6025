/**
 * Grants with the fewest actions that the code needs. The CDK's own grants are wider (scans, streams, GET on
 * connections).
 */
import { Stack } from 'aws-cdk-lib'
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { Grant, type IGrantable, type Role } from 'aws-cdk-lib/aws-iam'
import type { Key } from 'aws-cdk-lib/aws-kms'
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { TableRight } from '../../functions/routes.ts'
import { acknowledge, wildcardFinding } from './acknowledge.ts'

/** Lets a role do what it needs with the items of some partitions, and nothing with the others. */
export function grantItems(table: TableV2, rights: readonly TableRight<string>[], grantee: IGrantable): void {
  for (const { partitions, actions } of rights) {
    Grant.addToPrincipal({
      grantee,
      actions: actions.map((action) => `dynamodb:${action}`),
      resourceArns: [table.tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [...partitions] } },
    })
  }
}

/** Lets a role read a secret's values; CDK's own grant would also let it describe the secret. */
export const grantReadSecret = (secret: Secret, grantee: IGrantable) =>
  Grant.addToPrincipal({
    grantee,
    actions: ['secretsmanager:GetSecretValue'],
    resourceArns: [secret.secretArn],
  })

/** Lets a role send to queues. */
export const grantSend = (queueArns: readonly string[], grantee: IGrantable) =>
  Grant.addToPrincipal({ grantee, actions: ['sqs:SendMessage'], resourceArns: [...queueArns] })

/** Lets a role receive messages from queues and delete them. */
export const grantReceive = (queueArns: readonly string[], grantee: IGrantable) =>
  Grant.addToPrincipal({
    grantee,
    actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'],
    resourceArns: [...queueArns],
  })

/**
 * Lets a role generate and unwrap data keys that are bound to a company and a generation, and use the key for nothing
 * else.
 */
export const grantDataKeys = (key: Key, grantee: IGrantable) =>
  Grant.addToPrincipal({
    grantee,
    actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
    resourceArns: [key.keyArn],
    conditions: {
      Null: { 'kms:EncryptionContext:companyId': 'false', 'kms:EncryptionContext:generation': 'false' },
    },
  })

/** Lets a role push to connections (POST), and close those whose token has expired (DELETE, R30). */
export function grantConnections(stage: WebSocketStage, role: Role): void {
  for (const method of ['POST', 'DELETE'] as const) grantConnectionMethod(stage, role, method)
}

function grantConnectionMethod(stage: WebSocketStage, role: Role, method: 'POST' | 'DELETE'): void {
  const resource = Stack.of(role).formatArn({
    service: 'execute-api',
    resource: apiIdFor(stage, role),
    resourceName: `${stage.stageName}/${method}/@connections/*`,
  })
  Grant.addToPrincipal({ grantee: role, actions: ['execute-api:ManageConnections'], resourceArns: [resource] })
  acknowledge(role, {
    [wildcardFinding(Stack.of(role).resolve(resource))]:
      'Connection ids are not known in advance; API, stage and method are named',
  })
}

/**
 * Returns the API's id, for another stack as an explicit export. A plain reference to another stack gets its final form only
 * during synthesis, too late to acknowledge the finding about it.
 */
function apiIdFor(stage: WebSocketStage, role: Role): string {
  const apiStack = Stack.of(stage)
  return Stack.of(role) === apiStack ? stage.api.apiId : apiStack.exportValue(stage.api.apiId)
}
