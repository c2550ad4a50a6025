/** `BudgetStore` on DynamoDB: an item per budget, changed by compare-and-set (R24). */
import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { settled } from '#shared/async/settled.ts'
import {
  type Budget,
  type BudgetTicket,
  coolDown,
  emptyBudget,
  giveCodeBack,
  type Limit,
  takeCode,
} from '#shared/domain/values/budget.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { BudgetStore } from '#shared/ports.ts'
import { putAtRevision } from '../conditional.ts'
import { getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { partitionKey, sortKey, ttlAttribute } from '../table.ts'

const Row = v.object({
  /** Counts the changes of this budget: a write requires the one that it has read. */
  rev: v.number(),
  taken: v.array(v.number()),
  coolUntil: v.optional(v.number()),
  /** Marks of the last changes, by which a change whose answer was lost is recognised; earlier builds leave none. */
  marks: v.fallback(v.optional(v.array(v.string()), []), []),
})

const keptMarks = 4
const noMarks: readonly string[] = []

const maxTries = 10
const keyOf = (key: string) => ({ [partitionKey]: `BUDGET#${key}`, [sortKey]: 'BUDGET' })

export function dynamoBudgetStore(control: ControlTable): BudgetStore {
  const change = changeBudget(control)
  const giveBack = async (ticket: BudgetTicket): Promise<void> => {
    await Promise.all(ticket.map(({ key, at }) => change(key, at, 0, (budget) => ok(giveCodeBack(budget, at)))))
  }
  /** Takes a code from one budget. When it throws, it has tried to undo what it may have done. */
  const takeOne = async ({ key, ...limit }: Limit & { readonly key: string }, now: number) => {
    const mark = randomUUID()
    let at = now
    const take: Change = (budget) => {
      const taken = takeCode(budget, limit, now)
      if (taken.ok) at = taken.value.taken.at(-1) ?? now
      return taken
    }
    try {
      const taken = await change(key, now, limit.windowMs, take, mark)
      return taken.ok ? ok({ key, at }) : taken
    } catch (error) {
      // Also when the code was not taken: the new revision refuses a write that arrives late.
      const undo: Change = (budget, marks) => ok(marks.includes(mark) ? giveCodeBack(budget, at) : budget)
      await settled(change(key, at, 0, undo))
      throw error
    }
  }
  return {
    giveBack,
    async take(limits, now) {
      const ticket: BudgetTicket[number][] = []
      for (const limit of limits) {
        try {
          const taken = await takeOne(limit, now)
          if (taken.ok) {
            ticket.push(taken.value)
            continue
          }
          await giveBack(ticket)
          return taken
        } catch (error) {
          await settled(giveBack(ticket))
          throw error
        }
      }
      return ok(ticket)
    },
    async coolDown(key, until, now) {
      await change(key, now, until - now, (budget) => ok(coolDown(budget, until)))
    },
  }
}

/** Given a budget and the marks of its last changes, returns the changed one or a refusal. */
type Change = (budget: Budget, marks: readonly string[]) => Result<Budget, { readonly retryAfter: number }>

/** Changes a budget by compare-and-set. Its item expires after it no longer limits anything. */
function changeBudget(control: ControlTable) {
  return async (
    key: string,
    now: number,
    keepMs: number,
    change: Change,
    mark: string = randomUUID(),
  ): Promise<ReturnType<Change>> => {
    let tried: ReturnType<Change> | undefined
    for (let tries = 0; tries < maxTries; tries++) {
      const item = await getItem(control, keyOf(key))
      const { rev, marks, ...budget } = item ? budgetOf(v.parse(Row, item)) : { ...emptyBudget, rev: 0, marks: noMarks }
      // The SDK has repeated a write whose answer was lost; its own first try has changed the revision.
      if (tried && marks.includes(mark)) return tried
      tried = change(budget, marks)
      if (!tried.ok) return err(tried.error)
      const { coolUntil: _former, ...rest } = item ?? {}
      const keepUntil = Math.max(now + keepMs, tried.value.coolUntil ?? 0, Number(item?.[ttlAttribute] ?? 0) * 1000)
      const known = {
        ...keyOf(key),
        ...tried.value,
        rev: rev + 1,
        marks: [...marks, mark].slice(-keptMarks),
        [ttlAttribute]: Math.ceil(keepUntil / 1000) + 60,
      }
      // Also the attributes that only a newer build knows (R49a).
      if (await putAtRevision(control, { ...rest, ...known }, rev)) return tried
    }
    throw new StoreUnavailable('dynamodb', new Error('a budget changed too often'))
  }
}

const budgetOf = ({ rev, taken, coolUntil, marks }: v.InferOutput<typeof Row>) => ({
  ...{ rev, taken, marks },
  ...(coolUntil !== undefined && { coolUntil }),
})
