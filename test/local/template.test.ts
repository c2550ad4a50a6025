import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Clients, clientsFor, destroyClients } from '../../local/services/clients.ts'
import { startServices } from '../../local/services/services.ts'
import { realiseAssembly } from '../../local/template.ts'
import { temporary } from '../support/temporary.ts'
import { webSocketApi, writeAssembly } from './support/assembly.ts'

let clients: Clients

beforeAll(async () => {
  const services = await startServices({ onUnknownCall: () => undefined })
  clients = clientsFor(services.endpoints)
  return async () => {
    destroyClients(clients)
    await services.stop()
  }
})

const urls = { http: 'http://here:1', webSocket: 'ws://here:1/ws' }
const noop = 'export const handler = async () => null'
const keys = {
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
}

/** Realises a cloud with one function and returns that function's variables. */
async function variablesOf(
  variables: Record<string, unknown>,
  resources: Parameters<typeof writeAssembly>[0]['resources'] = {},
) {
  const cloud = await realiseAssembly(
    writeAssembly({ functions: { Fn: { code: noop, variables } }, resources }),
    clients,
    urls,
  )
  return cloud.functions[0]?.environment
}

describe('realising a template', () => {
  test('makes tables, queues, keys and secrets, and says where they are', async () => {
    const environment = await variablesOf(
      {
        TABLE: { Ref: 'Table' },
        TABLE_ARN: { 'Fn::GetAtt': ['Table', 'Arn'] },
        QUEUE: { Ref: 'Queue' },
        QUEUE_ARN: { 'Fn::GetAtt': ['Queue', 'Arn'] },
        KEY: { 'Fn::GetAtt': ['Key', 'Arn'] },
        SECRET: { Ref: 'Secret' },
        SECRET_VALUE: { 'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: 'Secret' }, ':SecretString:::}}']] },
      },
      {
        Table: {
          Type: 'AWS::DynamoDB::GlobalTable',
          Properties: { ...keys, BillingMode: 'PAY_PER_REQUEST', Replicas: [] },
        },
        Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true, VisibilityTimeout: 7 } },
        Key: { Type: 'AWS::KMS::Key', Properties: { EnableKeyRotation: true } },
        Secret: {
          Type: 'AWS::SecretsManager::Secret',
          Properties: { GenerateSecretString: { ExcludePunctuation: true, PasswordLength: 40 } },
        },
      },
    )
    expect(environment).toEqual({
      TABLE: 'tiny-Table',
      TABLE_ARN: 'arn:aws:dynamodb:us-east-1:000000000000:table/tiny-Table',
      QUEUE: expect.stringMatching(/\/000000000000\/tiny-Queue\.fifo$/),
      QUEUE_ARN: 'arn:aws:sqs:us-east-1:000000000000:tiny-Queue.fifo',
      KEY: expect.stringMatching(/^arn:aws:kms:us-east-1:000000000000:key\/[0-9a-f-]{36}$/),
      SECRET: expect.stringMatching(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:tiny-Secret-\w{6}$/),
      SECRET_VALUE: expect.stringMatching(/^[A-Za-z0-9]{40}$/),
    })
    const attributes = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: environment?.['QUEUE'], AttributeNames: ['VisibilityTimeout'] }),
    )
    expect(attributes.Attributes?.['VisibilityTimeout']).toBe('7')
  })

  test('turns the addresses of APIs into local ones', async () => {
    const address = (scheme: string, path: string) => ({
      'Fn::Join': [
        '',
        [
          scheme,
          '://',
          { Ref: 'Socket' },
          '.execute-api.',
          { Ref: 'AWS::Region' },
          '.',
          { Ref: 'AWS::URLSuffix' },
          path,
        ],
      ],
    })
    const environment = await variablesOf(
      {
        CALLBACK_URL: address('https', '/dev'),
        CLIENTS: address('wss', '/dev'),
        ENDPOINT: { 'Fn::GetAtt': ['Socket', 'ApiEndpoint'] },
        PATH_BELOW: address('https', '/devices/7'),
      },
      webSocketApi({ $default: 'Fn' }),
    )
    expect(environment).toEqual({
      CALLBACK_URL: 'http://here:1',
      CLIENTS: 'ws://here:1/ws',
      ENDPOINT: 'ws://here:1/ws',
      PATH_BELOW: 'http://here:1/devices/7',
    })
  })

  test('follows imports from other stacks', async () => {
    const folder = temporary()
    mkdirSync(join(folder, 'asset.fn'))
    const stacks = {
      a: {
        Resources: { Table: { Type: 'AWS::DynamoDB::Table', Properties: keys } },
        Outputs: { ExportsOutputRefTable: { Value: { Ref: 'Table' }, Export: { Name: 'a:Table' } } },
      },
      b: {
        Parameters: { BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk/version' } },
        Resources: {
          Fn: {
            Type: 'AWS::Lambda::Function',
            Properties: {
              ...{ Code: { S3Key: 'hash.zip' }, Handler: 'index.handler', Runtime: 'nodejs24.x' },
              Environment: { Variables: { TABLE: { 'Fn::ImportValue': 'a:Table' } } },
            },
          },
        },
      },
    }
    const artifacts = Object.keys(stacks).map((name) => [
      name,
      { type: 'aws:cloudformation:stack', properties: { templateFile: `${name}.json` } },
    ])
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ artifacts: Object.fromEntries(artifacts) }))
    // Without metadata in the template, the folder of the code is found by the asset's hash.
    writeFileSync(
      join(folder, 'b.assets.json'),
      JSON.stringify({ files: { hash: { source: { path: 'asset.fn', packaging: 'zip' } } } }),
    )
    for (const [name, stack] of Object.entries(stacks))
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(stack))
    const cloud = await realiseAssembly(folder, clients, urls)
    expect(cloud.functions[0]).toMatchObject({ environment: { TABLE: 'a-Table' }, folder: join(folder, 'asset.fn') })
  })
})

describe('what is not understood is refused by name', () => {
  const refuses = async (resources: Parameters<typeof variablesOf>[1], message: string, variables = {}) =>
    expect(variablesOf(variables, resources)).rejects.toThrow(message)

  test('a resource type', () =>
    refuses({ Stream: { Type: 'AWS::Kinesis::Stream', Properties: {} } }, 'AWS::Kinesis::Stream tiny/Stream'))

  test('a schedule, but not a rule about what only AWS reports', async () => {
    const rule = (Properties: object) => ({ Rule: { Type: 'AWS::Events::Rule', Properties } })
    await refuses(rule({ ScheduleExpression: 'rate(1 hour)' }), 'AWS::Events::Rule tiny/Rule')
    expect(await variablesOf({ A: '1' }, rule({ EventPattern: { source: ['aws.ecs'] } }))).toEqual({ A: '1' })
  })

  test('a property that would make a difference', () =>
    refuses(
      { T: { Type: 'AWS::DynamoDB::Table', Properties: { ...keys, GlobalSecondaryIndexes: [] } } },
      'AWS::DynamoDB::Table tiny/T: the local run does not understand GlobalSecondaryIndexes',
    ))

  test('a reference to something that does not exist locally', () =>
    refuses(
      { Topic: { Type: 'AWS::SNS::Topic', Properties: {} } },
      'AWS::SNS::Topic tiny/Topic does not exist locally',
      {
        TOPIC: { Ref: 'Topic' },
      },
    ))

  test('an authorizer on an HTTP route, a VPC link, another runtime', async () => {
    const ApiId = { Ref: 'Socket' }
    const integration = { ApiId, IntegrationType: 'HTTP_PROXY', IntegrationUri: 'https://x' }
    const link = {
      ...webSocketApi({ $default: 'Fn' }),
      X: { Type: 'AWS::ApiGatewayV2::Integration', Properties: integration },
    }
    await refuses(link, 'IntegrationType')
    const python = { Code: { S3Key: 'x.zip' }, Handler: 'a.b', Runtime: 'python3.13' }
    await refuses({ Py: { Type: 'AWS::Lambda::Function', Properties: python } }, 'only Node.js functions run locally')
  })
})

test('an assembly that is none is named', async () => {
  const folder = temporary()
  await expect(realiseAssembly(folder, clients, urls)).rejects.toThrow('manifest.json is missing')
})
