/** Budgets in memory. */
import { type Budget, coolDown, emptyBudget, giveCodeBack, takeCode } from '#shared/domain/values/budget.ts'
import { ok } from '#shared/domain/values/result.ts'
import type { BudgetStore } from '#shared/ports.ts'

export function memoryBudgetStore(): BudgetStore {
  const budgets = new Map<string, Budget>()
  const of = (key: string) => budgets.get(key) ?? emptyBudget
  return {
    async take(limits, now) {
      const taken = limits.map(({ key, ...limit }) => ({ key, result: takeCode(of(key), limit, now) }))
      for (const { result } of taken) if (!result.ok) return result
      for (const { key, result } of taken) if (result.ok) budgets.set(key, result.value)
      return ok(limits.map(({ key }) => ({ key, at: of(key).taken.at(-1) ?? now })))
    },
    async giveBack(ticket) {
      for (const { key, at } of ticket) budgets.set(key, giveCodeBack(of(key), at))
    },
    async coolDown(key, until) {
      budgets.set(key, coolDown(of(key), until))
    },
  }
}
