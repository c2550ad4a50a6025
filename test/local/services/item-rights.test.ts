/** The check in front of the embedded DynamoDB: what a role's statements allow, and what its calls are. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { beforeAll, describe, expect, it } from 'vitest'
import { region } from '../../../local/services/account.ts'
import { clientsFor, destroyClients } from '../../../local/services/clients.ts'
import { itemCalls } from '../../../local/services/item-calls.ts'
import { allowedBy } from '../../../local/services/item-rights.ts'
import { type Services, startServices } from '../../../local/services/services.ts'
import { createTable } from '../../../local/template/tables.ts'

const TableName = 'control'
const right = (actions: string[], leadingKeys?: string[]) => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [`arn:aws:dynamodb:us-east-1:000000000000:table/${TableName}`],
  leadingKeys,
})

describe('the check', () => {
  let services: Services
  let clients: Record<'message' | 'stranger', DynamoDBDocumentClient>
  const refused: string[] = []

  beforeAll(async () => {
    services = await startServices({ onUnknownCall: () => undefined, onRefusedCall: (text) => refused.push(text) })
    const own = clientsFor(services.endpoints)
    await createTable(own.dynamodb, TableName, {
      TableName: undefined,
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    })
    services.enforce([{ name: 'message', rights: [right(['GetItem', 'PutItem', 'Query', 'BatchGetItem'], ['C#*'])] }])
    const clientOf = (accessKeyId: string) =>
      DynamoDBDocumentClient.from(
        new DynamoDBClient({
          endpoint: services.endpoints.dynamodb,
          region,
          credentials: { accessKeyId, secretAccessKey: 'x' },
          maxAttempts: 1,
        }),
      )
    clients = { message: clientOf('message'), stranger: clientOf('stranger') }
    return async () => {
      destroyClients(own)
      for (const client of Object.values(clients)) client.destroy()
      await services.stop()
    }
  })

  const item = (pk: string) => ({ pk, sk: 'STATE' })
  const query = (pk: string) =>
    new QueryCommand({
      TableName,
      KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :prefix)',
      ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk' },
      ExpressionAttributeValues: { ':pk': pk, ':prefix': 'S' },
    })

  it('lets a role do what it may, with its whole request', async () => {
    await clients.message.send(new PutCommand({ TableName, Item: { ...item('C#1001'), n: 'ё'.repeat(70_000) } }))
    const read = await clients.message.send(new GetCommand({ TableName, Key: item('C#1001') }))
    expect(read.Item?.['n']).toHaveLength(70_000)
    expect((await clients.message.send(query('C#1001'))).Items).toHaveLength(1)
  })

  const batchGet = (...keys: string[]) =>
    new BatchGetCommand({ RequestItems: { [TableName]: { Keys: keys.map(item) } } })

  it.each([
    ['another action', new DeleteCommand({ TableName, Key: item('C#1001') }), 'DeleteItem C#1001'],
    ['another partition', new GetCommand({ TableName, Key: item('FUSE') }), 'GetItem FUSE'],
    ['another partition to put', new PutCommand({ TableName, Item: item('SHARD#1') }), 'PutItem SHARD#1'],
    ['another partition to query', query('SHARD#1'), 'Query SHARD#1'],
    ['one key of a batch', batchGet('C#1001', 'HOST#1'), 'BatchGetItem C#1001, HOST#1'],
    [
      'another table',
      new GetCommand({ TableName: 'credentials', Key: item('C#1001') }),
      'GetItem C#1001 in credentials',
    ],
    ['a scan', new ScanCommand({ TableName }), 'Scan'],
  ])('refuses %s, and says so', async (_, command, said) => {
    await expect(clients.message.send(command as GetCommand)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(`message is not authorized to perform: dynamodb:${said}`),
    })
    expect(refused.at(-1)).toContain(said)
  })

  it('lets those pass whose role nobody has named', async () => {
    const key = item('FUSE')
    await clients.stranger.send(
      new UpdateCommand({
        TableName,
        Key: key,
        UpdateExpression: 'SET n = :n',
        ExpressionAttributeValues: { ':n': 1 },
      }),
    )
    await clients.stranger.send(
      new BatchWriteCommand({ RequestItems: { [TableName]: [{ DeleteRequest: { Key: key } }] } }),
    )
    expect((await clients.stranger.send(new ScanCommand({ TableName }))).Items).toHaveLength(1)
  })
})

describe('the calls of a request', () => {
  const key = (pk: string) => ({ pk: { S: pk }, sk: { S: 'x' } })

  it('are one for each table of a batch', () => {
    const RequestItems = {
      a: [{ PutRequest: { Item: key('C#1') } }, { DeleteRequest: { Key: key('C#2') } }],
      b: [{ DeleteRequest: { Key: key('C#3') } }],
    }
    expect(itemCalls('BatchWriteItem', { RequestItems })).toEqual([
      { action: 'BatchWriteItem', table: 'a', partitions: ['C#1', 'C#2'] },
      { action: 'BatchWriteItem', table: 'b', partitions: ['C#3'] },
    ])
  })

  it('are those of the parts of a transaction', () => {
    const TransactItems = [
      { Put: { TableName: 'a', Item: key('C#1') } },
      { ConditionCheck: { TableName: 'a', Key: key('SHARD#1') } },
    ]
    expect(itemCalls('TransactWriteItems', { TransactItems })).toEqual([
      { action: 'PutItem', table: 'a', partitions: ['C#1'] },
      { action: 'ConditionCheckItem', table: 'a', partitions: ['SHARD#1'] },
    ])
  })

  it('cannot be told without the partition key: then nothing is allowed', () => {
    expect(() => itemCalls('GetItem', { TableName: 'a', Key: { sk: { S: 'x' } } })).toThrow()
    const condition = { TableName: 'a', KeyConditionExpression: 'sk = :sk', ExpressionAttributeValues: { ':sk': {} } }
    expect(() => itemCalls('Query', condition)).toThrow('No partition key')
  })
})

describe('rights', () => {
  it('are not added up: one statement must allow all keys of a call', () => {
    const allows = allowedBy([right(['BatchGetItem'], ['C#*']), right(['BatchGetItem'], ['HOST#*'])])
    const call = (...partitions: string[]) => allows({ action: 'BatchGetItem', table: TableName, partitions })
    expect([call('C#1'), call('HOST#1'), call('C#1', 'HOST#1')]).toEqual([true, true, false])
  })

  it('are for exact names: what is no wildcard means itself', () => {
    const allows = allowedBy([right(['GetItem'], ['FUSE'])])
    expect(allows({ action: 'GetItem', table: TableName, partitions: ['FUSE'] })).toBe(true)
    expect(allows({ action: 'GetItem', table: TableName, partitions: ['FUSEX'] })).toBe(false)
    expect(allows({ action: 'GetItem', table: `${TableName}2`, partitions: ['FUSE'] })).toBe(false)
  })
})
