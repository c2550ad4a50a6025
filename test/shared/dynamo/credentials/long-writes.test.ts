/** Share of one company in what all companies of a host have: connections to the store, and turns of the event loop. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { expect, test } from 'vitest'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { turnsDuring } from '../../../support/turns.ts'

const ref = { companyId: 'c1', generation: 'g1' }
const rows = Array.from({ length: 2_000 }, (_, index) => ({ key: `lid-mapping#${index}`, bytes: Buffer.from('row') }))

/** A client that answers as an empty table does, and counts the calls that are under way at the same time. */
function countingClient() {
  let now = 0
  let most = 0
  const send = async () => {
    now += 1
    most = Math.max(most, now)
    await Promise.resolve()
    now -= 1
    return {}
  }
  return { client: { send } as unknown as DynamoDBDocumentClient, most: () => most }
}

test('a set of thousands of rows takes 4 of the 256 connections of a host, and is stored in slices', async () => {
  const { client, most } = countingClient()
  const store = dynamoCredentialStore({ client, table: 't' })
  expect(await turnsDuring(() => store.write(ref, rows, 1))).toBeGreaterThanOrEqual(rows.length / 100)
  expect(most()).toBe(4)
})

test('a read of thousands of rows takes 4 of them', async () => {
  const { client, most } = countingClient()
  await dynamoCredentialStore({ client, table: 't' }).read(
    ref,
    rows.map(({ key }) => key),
  )
  expect(most()).toBe(4)
})
