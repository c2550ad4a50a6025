/** Roles as the templates have them: which statements belong to a function, and what is refused. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Clients, clientsFor, destroyClients } from '../../../local/services/clients.ts'
import { startServices } from '../../../local/services/services.ts'
import { realiseAssembly } from '../../../local/template.ts'
import { httpApi, writeAssembly } from '../support/assembly.ts'
import { runCloud } from '../support/run.ts'

let clients: Clients

beforeAll(async () => {
  const services = await startServices({ onUnknownCall: () => undefined })
  clients = clientsFor(services.endpoints)
  return async () => {
    destroyClients(clients)
    await services.stop()
  }
})

const code = 'export const handler = async () => null'
const table = { 'Fn::GetAtt': ['Table', 'Arn'] }
const resources = {
  Table: {
    Type: 'AWS::DynamoDB::GlobalTable',
    Properties: {
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    },
  },
}
const Condition = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['C#*'] } }
const policy = (Statement: object[], role = 'Own') => ({
  Type: 'AWS::IAM::Policy',
  Properties: { PolicyName: 'p', Roles: [{ Ref: role }], PolicyDocument: { Statement } },
})
const role = (properties: object = {}) => ({ Type: 'AWS::IAM::Role', Properties: properties })

/** Returns the role of a function `Fn` whose template has these resources. */
async function roleWith(more: Record<string, { Type: string; Properties: object }>, isNamed = true) {
  const assembly = writeAssembly({
    functions: { Fn: { code, ...(isNamed && { role: 'Own' }) } },
    resources: { ...resources, ...more },
  })
  const cloud = await realiseAssembly(assembly, clients, { http: 'http://here:1', webSocket: 'ws://here:1/ws' })
  return cloud.functions[0]?.role
}

describe('the role of a function', () => {
  it('has the statements about DynamoDB of its policies, within it and apart from it', async () => {
    const within = { Effect: 'Allow', Action: ['dynamodb:GetItem', 'dynamodb:Query'], Resource: [table] }
    const found = await roleWith({
      Own: role({ Policies: [{ PolicyName: 'i', PolicyDocument: { Statement: [within] } }] }),
      OwnPolicy: policy([
        { Effect: 'Allow', Action: 'dynamodb:PutItem', Resource: table, Condition },
        { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['NoSuchQueue', 'Arn'] } },
      ]),
      Other: role(),
      OtherPolicy: policy([{ Effect: 'Allow', Action: 'dynamodb:Scan', Resource: table }], 'Other'),
    })
    const resources = ['arn:aws:dynamodb:us-east-1:000000000000:table/tiny-Table']
    expect(found).toEqual({
      name: 'fn',
      rights: [
        { actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources, leadingKeys: undefined },
        { actions: ['dynamodb:PutItem'], resources, leadingKeys: ['C#*'] },
      ],
    })
  })

  it('is unknown when the template names none', async () => {
    expect(await roleWith({}, false)).toBeUndefined()
  })

  it.each([
    ['a statement that denies', { Effect: 'Deny', Action: 'dynamodb:*', Resource: table }],
    ['all actions but some', { Effect: 'Allow', NotAction: 'dynamodb:Scan', Resource: table }],
    [
      'another condition',
      {
        Effect: 'Allow',
        Action: 'dynamodb:GetItem',
        Resource: table,
        Condition: { Bool: { 'aws:SecureTransport': 'true' } },
      },
    ],
  ])('is not guessed: %s is refused', async (_, statement) => {
    await expect(roleWith({ Own: role(), OwnPolicy: policy([statement]) })).rejects.toThrow('does not understand')
  })
})

/** A function that reads an item by the query string's key, signing as the SDK does; it answers what DynamoDB answers. */
const reader = `
export const handler = async ({ queryStringParameters: { pk } }) => {
  const { AWS_ACCESS_KEY_ID: id, AWS_ENDPOINT_URL_DYNAMODB: url, TABLE } = process.env
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.GetItem',
      'x-amz-date': '20261128T000000Z',
      authorization: 'AWS4-HMAC-SHA256 Credential=' + id + '/20261128/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x',
    },
    body: JSON.stringify({ TableName: TABLE, Key: { pk: { S: pk } } }),
  })
  return { statusCode: answer.status, body: await answer.text() }
}`

it('holds in a whole run: the function is refused what its policies do not allow, and the terminal says so', async () => {
  const run = await runCloud({
    functions: { Fn: { code: reader, role: 'Own', variables: { TABLE: { Ref: 'Table' } } } },
    resources: {
      ...resources,
      ...httpApi({ 'GET /item': 'Fn' }),
      Own: role(),
      OwnPolicy: policy([{ Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: table, Condition }]),
    },
  })
  expect((await fetch(`${run.url}/item?pk=${encodeURIComponent('C#1001')}`)).status).toBe(200)
  const refused = await fetch(`${run.url}/item?pk=FUSE`)
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('AccessDeniedException')])
  expect(run.logged).toContain('fn may not GetItem FUSE in tiny-Table: its role in the template does not allow it')
})
