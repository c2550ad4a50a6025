/** Answers under clients' idempotency keys, so that a repeated request gets the same one (requirements, "HTTP API"). */
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { unlessRefused } from '../conditional.ts'
import { getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { partitionKey, sortKey, ttlAttribute } from '../table.ts'

/** Result of taking a key. */
type Kept =
  /** The key was free; the caller has it now. */
  | { readonly kind: 'taken' }
  /** The same request has the key; without an answer if it is still running or has failed. */
  | { readonly kind: 'repeated'; readonly answer?: string | undefined }
  /** Another request has the key. */
  | { readonly kind: 'otherRequest' }

export type IdempotencyStore = {
  /** Takes a key for a day. `keyHash` hashes key and owner, `requestHash` the request; `now` is epoch ms. */
  take(keyHash: string, requestHash: string, now: number): Promise<Kept>
  /** Stores the answer under a key that was taken; it expires with the key. */
  keep(keyHash: string, answer: string): Promise<void>
}

/** Lifetime of a key: a day. */
export const keptSeconds = 24 * 60 * 60
const Row = v.object({ requestHash: v.string(), answer: v.optional(v.string()) })

const keyOf = (keyHash: string) => ({ [partitionKey]: `IDEM#${keyHash}`, [sortKey]: 'IDEM' })

export function dynamoIdempotencyStore(control: ControlTable): IdempotencyStore {
  const { client, table } = control
  return {
    async take(keyHash, requestHash, now) {
      const isNew = await put(control, keyHash, requestHash, Math.floor(now / 1000))
      if (isNew) return { kind: 'taken' }
      const item = await getItem(control, keyOf(keyHash))
      // The key expired between the two calls.
      if (!item) return { kind: 'taken' }
      const row = v.parse(Row, item)
      return row.requestHash === requestHash ? { kind: 'repeated', answer: row.answer } : { kind: 'otherRequest' }
    },
    async keep(keyHash, answer) {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: keyOf(keyHash),
          UpdateExpression: 'SET #answer = :answer',
          ExpressionAttributeNames: { '#answer': 'answer' },
          ExpressionAttributeValues: { ':answer': answer },
        }),
      )
    },
  }
}

/** Takes the key if it is free or expired. Returns false when it is taken. */
async function put(
  { client, table }: ControlTable,
  keyHash: string,
  requestHash: string,
  nowSeconds: number,
): Promise<boolean> {
  const taken = client.send(
    new PutCommand({
      TableName: table,
      Item: { ...keyOf(keyHash), requestHash, [ttlAttribute]: nowSeconds + keptSeconds },
      ConditionExpression: 'attribute_not_exists(#pk) OR #ttl <= :now',
      ExpressionAttributeNames: { '#pk': partitionKey, '#ttl': ttlAttribute },
      ExpressionAttributeValues: { ':now': nowSeconds },
    }),
  )
  return (await unlessRefused(taken)) !== 'refused'
}
