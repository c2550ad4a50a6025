/** `Fuse` on DynamoDB: one item, changed by compare-and-set, so that it outlives deployments and restarts (R46). */
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { closeFuse, type FuseState, newFuse, takePlace } from '#shared/domain/fleet/fuse.ts'
import type { Clock, Fuse } from '#shared/ports.ts'
import { unlessRefused } from '../conditional.ts'
import { count, getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { partitionKey, sortKey } from '../table.ts'

export type FuseStoreDeps = ControlTable & {
  readonly clock: Clock
  /** Returns the number of sessions that the fleet holds. */
  readonly held: () => Promise<number>
  /** Called when a link could not take a place: the link is kept, and an operator must look. */
  readonly onRefused: (companyId: string, why: unknown) => void
}

const Row = v.object({
  /** Counts the changes: a write requires the one that it has read. */
  rev: count,
  places: v.array(v.object({ companyId: v.string(), at: v.number() })),
  openSince: v.optional(v.number()),
})

const maxTries = 10
const key = { [partitionKey]: 'FUSE', [sortKey]: 'removed' }

export function dynamoFuse(deps: FuseStoreDeps): Fuse {
  return {
    async takePlace(companyId) {
      try {
        const held = await deps.held()
        const isGranted = await change(deps, (fuse) => {
          const taken = takePlace(fuse, companyId, held, deps.clock())
          return { next: taken.fuse, result: taken.isGranted }
        })
        if (!isGranted) deps.onRefused(companyId, 'no place')
        return isGranted
      } catch (error) {
        deps.onRefused(companyId, error)
        return false
      }
    },
    openSince: async () => (await read(deps)).fuse.openSince,
    close: () => change(deps, (fuse) => ({ next: closeFuse(fuse), result: undefined })),
  }
}

async function read(control: ControlTable): Promise<{ readonly fuse: FuseState; readonly rev: number }> {
  const item = await getItem(control, key)
  if (!item) return { fuse: newFuse, rev: 0 }
  const { rev, places, openSince } = v.parse(Row, item)
  return { rev, fuse: { places, ...(openSince !== undefined && { openSince }) } }
}

async function change<Result>(
  control: ControlTable,
  decide: (fuse: FuseState) => { readonly next: FuseState; readonly result: Result },
): Promise<Result> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { fuse, rev } = await read(control)
    const { next, result } = decide(fuse)
    if (next === fuse || (await put(control, { ...key, ...next, rev: rev + 1 }, rev))) return result
  }
  throw new StoreUnavailable('dynamodb', new Error('the fuse changed too often'))
}

async function put({ client, table }: ControlTable, row: object, seenRev: number): Promise<boolean> {
  const command = new PutCommand({
    TableName: table,
    Item: { ...row },
    ConditionExpression: 'attribute_not_exists(rev) OR rev = :seen',
    ExpressionAttributeValues: { ':seen': seenRev },
  })
  return (await unlessRefused(client.send(command))) !== 'refused'
}
