/** External engines with another account: moto's is 123456789012. */
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { beforeAll, expect, test } from 'vitest'
import { type Clients, clientsFor, destroyClients } from '../../local/services/clients.ts'
import { startServices } from '../../local/services/services.ts'
import { realiseAssembly } from '../../local/template.ts'
import { writeAssembly } from './support/assembly.ts'
import { startOneEndpoint } from './support/one-endpoint.ts'

const otherAccount = '123456789012'
let clients: Clients

beforeAll(async () => {
  const engines = await startOneEndpoint(otherAccount)
  const services = await startServices({ env: { AWS_ENDPOINT_URL: engines.url }, onUnknownCall: () => undefined })
  clients = clientsFor(services.endpoints)
  return async () => {
    destroyClients(clients)
    await services.stop()
    await engines.stop()
  }
})

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] })

const folder = () =>
  writeAssembly({
    functions: {
      Fn: {
        code: 'export const handler = async () => null',
        variables: {
          TABLE: arnOf('Table'),
          QUEUE: arnOf('Queue'),
          QUEUE_URL: { Ref: 'Queue' },
          KEY: arnOf('Key'),
          SECRET: { Ref: 'Secret' },
        },
      },
    },
    resources: {
      Table: {
        Type: 'AWS::DynamoDB::Table',
        Properties: {
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        },
      },
      Dead: { Type: 'AWS::SQS::Queue', Properties: {} },
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: { RedrivePolicy: { deadLetterTargetArn: arnOf('Dead'), maxReceiveCount: 5 } },
      },
      Key: { Type: 'AWS::KMS::Key', Properties: {} },
      Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { SecretString: 'x' } },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: { EventSourceArn: arnOf('Queue'), FunctionName: { Ref: 'Fn' } },
      },
    },
  })

test.each(['first', 'second'])('what lives in an engine has the account that the engine says (%s run)', async () => {
  const { functions, eventSources } = await realiseAssembly(folder(), clients, {
    http: 'http://x',
    webSocket: 'ws://x',
  })
  const { environment } = functions[0]!
  expect(environment).toEqual({
    TABLE: `arn:aws:dynamodb:us-east-1:${otherAccount}:table/tiny-Table`,
    QUEUE: `arn:aws:sqs:us-east-1:${otherAccount}:tiny-Queue`,
    QUEUE_URL: expect.stringContaining(`/${otherAccount}/tiny-Queue`),
    KEY: expect.stringContaining(`arn:aws:kms:us-east-1:${otherAccount}:key/`),
    SECRET: expect.stringContaining(`arn:aws:secretsmanager:us-east-1:${otherAccount}:secret:tiny-Secret`),
  })
  expect(eventSources).toMatchObject([{ queueArn: environment['QUEUE'], queueUrl: environment['QUEUE_URL'] }])
  const command = new GetQueueAttributesCommand({
    QueueUrl: environment['QUEUE_URL'],
    AttributeNames: ['RedrivePolicy'],
  })
  const { Attributes = {} } = await clients.sqs.send(command)
  expect(JSON.parse(Attributes['RedrivePolicy'] ?? '')).toMatchObject({
    deadLetterTargetArn: `arn:aws:sqs:us-east-1:${otherAccount}:tiny-Dead`,
  })
})
