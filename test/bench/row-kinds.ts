/** Names what a counted request reads or writes: its operation, and the kinds of its rows. */
import * as v from 'valibot'
import {
  barSortKey,
  companySortKeyPrefix,
  connectionSortKeyPrefix,
  hostKey,
  partitionKey,
  phoneKey,
  rateKeyPrefix,
  shardKeyPrefix,
  sortKey,
} from '#shared/dynamo/table.ts'
import type { Counted } from './counting-proxy.ts'

const Text = v.optional(v.object({ S: v.optional(v.string(), '') }), { S: '' })
const Keys = v.object({ [partitionKey]: Text, [sortKey]: Text })
const Batch = v.union([
  v.object({ Keys: v.array(Keys) }),
  v.array(
    v.object({
      PutRequest: v.optional(v.object({ Item: Keys })),
      DeleteRequest: v.optional(v.object({ Key: Keys })),
    }),
  ),
])
const Request = v.object({
  Key: v.optional(Keys),
  Item: v.optional(Keys),
  RequestItems: v.optional(v.record(v.string(), Batch)),
  ExpressionAttributeValues: v.optional(v.record(v.string(), v.unknown())),
})

/** Returns the operation and the kinds of rows of a request, as `Put creds` or `BatchGet 2 pre-key, journal`. */
export function described({ operation, body }: Counted): string {
  const request = v.parse(Request, JSON.parse(body))
  const kinds = keysIn(request).map(kindOf)
  const named = [...new Set(kinds)].map((kind) => {
    const times = kinds.filter((each) => each === kind).length
    return times > 1 ? `${times} ${kind}` : kind
  })
  return `${operation.replace(/Item$/, '')} ${named.join(', ')}`
}

type Pair = readonly [pk: string, sk: string]

function keysIn({ Key, Item, RequestItems, ExpressionAttributeValues = {} }: v.InferOutput<typeof Request>) {
  const single = [Key, Item].flatMap((key) => (key ? [pairOf(key)] : []))
  const batched = Object.values(RequestItems ?? {}).flatMap((batch) => {
    const keys =
      'Keys' in batch ? batch.Keys : batch.flatMap((each) => each.PutRequest?.Item ?? each.DeleteRequest?.Key)
    return keys.flatMap((key) => (key ? [pairOf(key)] : []))
  })
  if (single.length + batched.length > 0) return [...single, ...batched]
  const { S: pk } = v.parse(Text, ExpressionAttributeValues[':pk'])
  const { S: prefix } = v.parse(Text, ExpressionAttributeValues[':prefix'])
  return [[pk, prefix] as const]
}

const pairOf = (key: v.InferOutput<typeof Keys>): Pair => [key[partitionKey].S, key[sortKey].S]

function kindOf([pk, sk]: Pair): string {
  if (pk.startsWith(rateKeyPrefix)) return 'request counter'
  if (pk.startsWith(shardKeyPrefix)) return sk.startsWith(companySortKeyPrefix) ? 'list of a shard' : sk
  if (pk.startsWith(phoneKey(''))) return 'companies of a phone'
  if (pk.startsWith(hostKey(''))) return 'host'
  if (sk === barSortKey || sk.startsWith(connectionSortKeyPrefix)) return 'connections'
  if (pk.includes('#G#')) return sk === '' ? 'generation' : (sk.split('#')[0] ?? sk)
  return sk === ''
    ? pk.replace(/#.*/, '')
    : `${pk.startsWith('C#') ? '' : `${pk.replace(/#.*/, '')} `}${sk.replace(/#.*/, '')}`
}
