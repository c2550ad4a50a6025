/** Parts of the rows of a set that is refused: no row will ever name them. */
import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import type { StoreClient } from '#shared/dynamo/items.ts'
import { generationKey, partitionKey, sortKey } from '#shared/dynamo/table.ts'
import type { CredentialRow, GenerationRef } from '#shared/ports.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const ref: GenerationRef = { companyId: 'company-1', generation: 'generation-1' }
const setOf = (writer: string): readonly CredentialRow[] =>
  ['creds', 'a', 'b'].map((key) => ({ key, bytes: Buffer.concat([Buffer.from(writer), Buffer.alloc(9_000)]) }))

async function sortKeysOf({ client, table }: Table): Promise<readonly string[]> {
  const query = new QueryCommand({
    TableName: table,
    KeyConditionExpression: '#pk = :pk',
    ExpressionAttributeNames: { '#pk': partitionKey },
    ExpressionAttributeValues: { ':pk': generationKey(ref.companyId, ref.generation) },
    ConsistentRead: true,
  })
  const { Items = [] } = await client.send(query)
  return Items.map((item) => String(item[sortKey]))
}

test('a host that is fenced leaves no parts behind', async () => {
  const table = await createTable(connect(engine))
  const store = dynamoCredentialStore({ client: connect(engine), table: table.table })
  expect(await store.write(ref, setOf('1'), 1)).toBe('written')
  await store.load(ref, 'creds', 2)
  const before = await sortKeysOf(table)
  expect(before.filter((key) => key.startsWith('part#'))).toHaveLength(3)
  expect(await store.write(ref, setOf('2'), 1)).toBe('fenced')
  expect(await sortKeysOf(table)).toEqual(before)
  const found = await store.read(ref, ['creds', 'a', 'b'])
  expect([...found.values()].map((bytes) => bytes[0])).toEqual([49, 49, 49])
})

test('a set that was journalled before it was refused keeps the parts that its rows name', async () => {
  const { client, table } = await createTable(connect(engine))
  const successor = dynamoCredentialStore({ client, table })
  const isJournal = (command: unknown) =>
    command instanceof UpdateCommand && command.input.UpdateExpression?.includes('= :rowsN')
  // The answer to the journal is lost, a successor loads, and the call is repeated.
  const send = async (command: UpdateCommand) => {
    const answer = await client.send(command)
    if (!isJournal(command)) return answer
    await successor.load(ref, 'creds', 2)
    return client.send(command)
  }
  const store = dynamoCredentialStore({ client: { send } as StoreClient, table })
  expect(await store.write(ref, setOf('1'), 1)).toBe('fenced')
  const found = await successor.read(ref, ['creds', 'a', 'b'])
  expect([...found.values()].map((bytes) => bytes[0])).toEqual([49, 49, 49])
})
