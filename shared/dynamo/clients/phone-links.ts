/** `PhoneLinks` on DynamoDB: an item per phone and company, changed by conditional updates (R24). */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { PhoneLink, PhoneLinks } from '#shared/ports.ts'
import { unlessRefused } from '../conditional.ts'
import { queryItems } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { companySortKeyPrefix, partitionKey, phoneKey, sortKey, ttlAttribute } from '../table.ts'

/** Time for which an ended link is kept. A link that has not ended has no TTL. */
export const keptAfterRemovalMs = 30 * 24 * 60 * 60_000

const Item = v.object({ [sortKey]: v.string(), linkedAt: v.number(), removedAt: v.exactOptional(v.number()) })

/** DynamoDB may delete an item days after its time: readers must not see it meanwhile. */
export const isKept = ({ removedAt }: PhoneLink, now: number): boolean =>
  removedAt === undefined || now < removedAt + keptAfterRemovalMs

export function dynamoPhoneLinks(control: ControlTable): PhoneLinks {
  return {
    async note(phoneHash, { companyId, ...times }) {
      const key = { [partitionKey]: phoneKey(phoneHash), [sortKey]: companySortKeyPrefix + companyId }
      // Refused when it is known already, or out of date.
      await unlessRefused(
        control.client.send(new UpdateCommand({ TableName: control.table, Key: key, ...update(times) })),
      )
    },
    /** Reads one page, which has room for thousands of companies: a phone has places for four devices at a time. */
    async companiesOf(phoneHash, now) {
      const found = await queryItems(control, phoneKey(phoneHash), companySortKeyPrefix)
      return (found.Items ?? [])
        .map((item) => v.parse(Item, item))
        .map(({ sk, ...times }) => ({ companyId: sk.slice(companySortKeyPrefix.length), ...times }))
        .filter((link) => isKept(link, now))
    },
  }
}

/** An update, unlike a put, keeps the attributes that only a newer build knows (R49a). */
function update({ linkedAt, removedAt }: Pick<PhoneLink, 'linkedAt' | 'removedAt'>) {
  if (removedAt === undefined)
    return {
      UpdateExpression: 'SET linkedAt = :linkedAt REMOVE removedAt, #ttl',
      ConditionExpression: 'attribute_not_exists(linkedAt) OR linkedAt < :linkedAt',
      ExpressionAttributeNames: { '#ttl': ttlAttribute },
      ExpressionAttributeValues: { ':linkedAt': linkedAt },
    }
  const ttl = Math.ceil((removedAt + keptAfterRemovalMs) / 1000)
  return {
    UpdateExpression: 'SET linkedAt = :linkedAt, removedAt = :removedAt, #ttl = :ttl',
    ConditionExpression:
      'attribute_not_exists(linkedAt) OR linkedAt < :linkedAt OR (linkedAt = :linkedAt AND attribute_not_exists(removedAt))',
    ExpressionAttributeNames: { '#ttl': ttlAttribute },
    ExpressionAttributeValues: { ':linkedAt': linkedAt, ':removedAt': removedAt, ':ttl': ttl },
  }
}
