/** Consistent reads of many items by key. */
import { setTimeout as pause } from 'node:timers/promises'
import { BatchGetCommand } from '@aws-sdk/lib-dynamodb'
import { inParallel } from '../async/in-parallel.ts'
import { type ItemKey, inPieces, type Table } from './items.ts'
import { pauseAfter } from './retries.ts'
import { StoreUnavailable } from './store-unavailable.ts'

type Item = Record<string, unknown>

/** DynamoDB's limit for one call. */
const keysPerCall = 100
/** Calls at the same time: a read of thousands of items must leave connections to the other users of the client (R62). */
const callsAtOnce = 4
/**
 * Limit of empty answers in a row: DynamoDB splits large answers, and returns nothing while it throttles. The pauses
 * between them take two seconds or so, which is what a call that is throttled as a whole may take, too (R64).
 */
const maxEmptyAnswers = 12

/** Returns the items that exist, in any order. A key must not occur twice. Throws `StoreUnavailable` when throttled. */
export async function batchGet(from: Table, keys: readonly ItemKey[]): Promise<readonly Item[]> {
  return (await inParallel(inPieces(keys, keysPerCall), callsAtOnce, (piece) => getPiece(from, piece))).flat()
}

async function getPiece({ client, table }: Table, keys: readonly ItemKey[]): Promise<readonly Item[]> {
  const items: Item[] = []
  let missing: Record<string, unknown>[] = keys.map((key) => ({ ...key }))
  for (let empty = 0; empty < maxEmptyAnswers; empty++) {
    const answer = await client.send(
      new BatchGetCommand({ RequestItems: { [table]: { Keys: missing, ConsistentRead: true } } }),
    )
    const found = answer.Responses?.[table] ?? []
    items.push(...found)
    missing = answer.UnprocessedKeys?.[table]?.Keys ?? []
    if (missing.length === 0) return items
    if (found.length > 0) empty = -1
    else await pause(pauseAfter(empty))
  }
  throw new StoreUnavailable('dynamodb', new Error('Keys stay unprocessed'))
}
