/** `BudgetStore` on DynamoDB: an item per budget, changed by compare-and-set (R24). */
import * as v from 'valibot'
import { settled } from '#shared/async/settled.ts'
import {
  type Budget,
  type BudgetTicket,
  coolDown,
  emptyBudget,
  giveCodeBack,
  takeCode,
} from '#shared/domain/values/budget.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { BudgetStore } from '#shared/ports.ts'
import { putAtRevision } from '../conditional.ts'
import { Contention } from '../contention.ts'
import { getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { partitionKey, sortKey, ttlAttribute } from '../table.ts'

const Row = v.object({
  /** Counts the changes of this budget: a write requires the one that it has read. */
  rev: v.number(),
  taken: v.array(v.number()),
  coolUntil: v.optional(v.number()),
})

const maxTries = 10
const keyOf = (key: string) => ({ [partitionKey]: `BUDGET#${key}`, [sortKey]: 'BUDGET' })

export function dynamoBudgetStore(control: ControlTable): BudgetStore {
  const change = changeBudget(control)
  const giveBack = async (ticket: BudgetTicket): Promise<void> => {
    await Promise.all(ticket.map(({ key, at }) => change(key, at, 0, (budget) => ok(giveCodeBack(budget, at)))))
  }
  return {
    giveBack,
    async take(limits, now) {
      const ticket: BudgetTicket[number][] = []
      /** The code that is being taken. After a failed write, nobody knows whether it was. */
      let taking: BudgetTicket = []
      try {
        for (const { key, ...limit } of limits) {
          const taken = await change(key, now, limit.windowMs, (budget) => {
            const result = takeCode(budget, limit, now)
            taking = result.ok ? [{ key, at: result.value.taken.at(-1) ?? now }] : []
            return result
          })
          if (!taken.ok) {
            await giveBack(ticket)
            return taken
          }
          ticket.push(...taking)
          taking = []
        }
        return ok(ticket)
      } catch (error) {
        // Also what was not taken: a write that arrives late is then refused by the new revision.
        await settled(giveBack([...ticket, ...taking]))
        throw error
      }
    },
    async coolDown(key, until, now) {
      await change(key, now, until - now, (budget) => ok(coolDown(budget, until)))
    },
  }
}

type Change = (budget: Budget) => Result<Budget, { readonly retryAfter: number }>

/** Changes a budget by compare-and-set. Its item expires after it no longer limits anything. */
function changeBudget(control: ControlTable) {
  return async (key: string, now: number, keepMs: number, change: Change): Promise<ReturnType<Change>> => {
    for (let tries = 0; tries < maxTries; tries++) {
      const item = await getItem(control, keyOf(key))
      const { rev, ...budget } = item ? budgetOf(v.parse(Row, item)) : { ...emptyBudget, rev: 0 }
      const changed = change(budget)
      if (!changed.ok) return err(changed.error)
      const { coolUntil: _former, ...rest } = item ?? {}
      const keepUntil = Math.max(now + keepMs, changed.value.coolUntil ?? 0, Number(item?.[ttlAttribute] ?? 0) * 1000)
      // Also the attributes that only a newer build knows (R49a).
      const known = { ...keyOf(key), ...changed.value, rev: rev + 1, [ttlAttribute]: Math.ceil(keepUntil / 1000) + 60 }
      const row = { ...rest, ...known }
      if (await putAtRevision(control, row, rev)) return changed
    }
    throw new Contention('a budget', maxTries)
  }
}

const budgetOf = ({ rev, taken, coolUntil }: v.InferOutput<typeof Row>): Budget & { rev: number } => ({
  rev,
  taken,
  ...(coolUntil !== undefined && { coolUntil }),
})
