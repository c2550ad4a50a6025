/** Links of phones, for budgets of codes, on DynamoDB: an item per phone and company, changed by conditional updates (R24). */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { unlessRefused } from '../conditional.ts'
import { queryItems } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { companySortKeyPrefix, partitionKey, phoneKey, sortKey, ttlAttribute } from '../table.ts'

/** The latest link of a phone by a company. `removedAt`: that link has ended. Times are epoch ms. */
export type PhoneLink = { readonly companyId: string; readonly linkedAt: number; readonly removedAt?: number }

/** The companies that have linked a phone (R24), under the hash of its class (`shared/budget/phone-hash.ts`). */
export type PhoneLinks = {
  /**
   * Notes a link, or with `removedAt` its end. Notes may be repeated and come in any order: of two links of a company the
   * one with the later `linkedAt` stays, and the end of a link stays, with the time that was noted first.
   */
  note(phoneHash: string, link: PhoneLink): Promise<void>
  /** Lists the companies, by id, without those whose link ended 30 days or more before `now` (epoch ms). */
  companiesOf(phoneHash: string, now: number): Promise<readonly PhoneLink[]>
}

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
