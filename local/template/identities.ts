/**
 * Values of `Ref` and `Fn::GetAtt` for each resource. Resources of an engine (tables, queues, keys, secrets) are
 * created here.
 */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { account, region, urlSuffix } from '../services/account.ts'
import type { Clients } from '../services/clients.ts'
import type { Resource } from './assembly.ts'
import {
  aliasProperties,
  createAlias,
  createKey,
  createSecret,
  keyProperties,
  secretProperties,
} from './keys-and-secrets.ts'
import { type PropertySpec, readProperties } from './properties.ts'
import { createQueue, queueArn, queueProperties } from './queues.ts'
import type { RealisedType } from './resource-types.ts'
import { createTable, tableArn, tableProperties } from './tables.ts'

/** The values by which other resources refer to a resource. */
export type Identity = { readonly ref: string; readonly attributes: Readonly<Record<string, string>> }

type IdentityContext = {
  readonly clients: Clients
  resolve(value: unknown): Promise<unknown>
}

type Identify = (resource: Resource, context: IdentityContext) => Promise<Identity>

const opaque: Identify = async (resource) => ({ ref: shortId(resource), attributes: {} })

export const identifiers: Readonly<Record<RealisedType, Identify>> = {
  'AWS::DynamoDB::Table': identifyTable,
  'AWS::DynamoDB::GlobalTable': identifyTable,
  'AWS::SQS::Queue': async (resource, { clients, resolve }) => {
    const properties = await readProperties(resource, queueProperties, resolve)
    const name = properties.QueueName ?? `${generatedName(resource, 75)}${properties.FifoQueue ? '.fifo' : ''}`
    const url = await createQueue(clients.sqs, name, properties)
    const Arn = await queueArn(clients.sqs, url)
    return { ref: url, attributes: { Arn, QueueName: name, QueueUrl: url } }
  },
  'AWS::KMS::Key': async (resource, { clients, resolve }) => {
    await readProperties(resource, keyProperties, resolve)
    const key = await createKey(clients.kms, generatedName(resource))
    return { ref: key.id, attributes: { Arn: key.arn, KeyId: key.id } }
  },
  'AWS::KMS::Alias': async (resource, { clients, resolve }) => {
    const { AliasName, TargetKeyId } = await readProperties(resource, aliasProperties, resolve)
    await createAlias(clients.kms, AliasName, TargetKeyId)
    return { ref: AliasName, attributes: {} }
  },
  'AWS::SecretsManager::Secret': async (resource, { clients, resolve }) => {
    const properties = await readProperties(resource, secretProperties, resolve)
    const arn = await createSecret(clients.secretsManager, properties.Name ?? generatedName(resource), properties)
    return { ref: arn, attributes: { Id: arn } }
  },
  'AWS::Lambda::Function': async (resource, { resolve }) => {
    const { FunctionName } = await readName(resource, 'FunctionName', resolve)
    const name = FunctionName ?? generatedName(resource, 64)
    return { ref: name, attributes: { Arn: `arn:aws:lambda:${region}:${account}:function:${name}` } }
  },
  'AWS::ApiGatewayV2::Api': async (resource) => {
    const id = shortId(resource)
    const scheme = resource.properties['ProtocolType'] === 'WEBSOCKET' ? 'wss' : 'https'
    const ApiEndpoint = `${scheme}://${id}.execute-api.${region}.${urlSuffix}`
    return { ref: id, attributes: { ApiId: id, ApiEndpoint } }
  },
  'AWS::ApiGatewayV2::Stage': async (resource, { resolve }) => {
    const { StageName } = await readName(resource, 'StageName', resolve)
    return { ref: StageName ?? '', attributes: {} }
  },
  'AWS::ApiGatewayV2::Authorizer': async (resource) => ({
    ref: shortId(resource),
    attributes: { AuthorizerId: shortId(resource) },
  }),
  'AWS::ApiGatewayV2::Integration': async (resource) => ({
    ref: shortId(resource),
    attributes: { IntegrationId: shortId(resource) },
  }),
  'AWS::ApiGatewayV2::Route': async (resource) => ({
    ref: shortId(resource),
    attributes: { RouteId: shortId(resource) },
  }),
  'AWS::ApiGatewayV2::RouteResponse': opaque,
  'AWS::Lambda::EventSourceMapping': opaque,
  'AWS::ECS::TaskDefinition': async (resource) => {
    const arn = `arn:aws:ecs:${region}:${account}:task-definition/${generatedName(resource)}:1`
    return { ref: arn, attributes: { TaskDefinitionArn: arn } }
  },
}

async function identifyTable(resource: Resource, { clients, resolve }: IdentityContext): Promise<Identity> {
  const properties = await readProperties(resource, tableProperties, resolve)
  const name = properties.TableName ?? generatedName(resource)
  await createTable(clients.dynamodb, name, properties)
  return { ref: name, attributes: { Arn: await tableArn(clients.dynamodb, name) } }
}

/** Reads one name property; the other properties are read where they are used. */
async function readName<const N extends string>(
  resource: Resource,
  name: N,
  resolve: (value: unknown) => Promise<unknown>,
): Promise<Partial<Record<N, string>>> {
  const used = { [name]: v.optional(v.string()) } satisfies v.ObjectEntries
  const spec: PropertySpec<v.ObjectEntries> = { used, inert: Object.keys(resource.properties) }
  const value = (await readProperties(resource, spec, resolve))[name]
  return typeof value === 'string' ? toPartial(name, value) : {}
}

function toPartial<const N extends string>(name: N, value: string): Partial<Record<N, string>> {
  const record: Partial<Record<string, string>> = { [name]: value }
  return record
}

/** Returns a generated name like CloudFormation's, but without the random part, so that a kept table is found again. */
function generatedName(resource: Resource, maxLength = 128): string {
  const name = `${resource.stack}-${resource.id}`
  return name.length <= maxLength ? name : `${name.slice(0, maxLength - 9)}-${digest(name).slice(0, 8)}`
}

/** Returns an id of ten characters, like those of API Gateway. */
function shortId(resource: Resource): string {
  return digest(`${resource.stack}/${resource.id}`).slice(0, 10)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
