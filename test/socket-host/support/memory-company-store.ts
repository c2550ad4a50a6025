/** A company store in memory: decisions exclude each other, calls can be made to fail, and what was told is kept. */
import type { CompanyState, Notice } from '#shared/domain/company.ts'
import { emptyCompany, isVacant } from '#shared/domain/company.ts'
import { numbersNeeded } from '#shared/domain/sequence.ts'
import { shardOf } from '#shared/domain/shard.ts'
import type { Clock, CompanyStore } from '#shared/ports.ts'

export type MemoryCompanyStore = CompanyStore & {
  state(companyId: string): CompanyState
  put(companyId: string, state: CompanyState): void
  /** Every state that was written, in order. */
  readonly writes: { readonly companyId: string; readonly state: CompanyState }[]
  /** Everything that was decided to be told, in order. */
  readonly notices: { readonly companyId: string; readonly notice: Notice }[]
  breakDown(): void
  repair(): void
  /** The next decision is written, but its answer is lost. */
  loseNextAnswer(): void
}

export function memoryCompanyStore(clock: Clock, shards = 1): MemoryCompanyStore {
  const items = new Map<string, { state: CompanyState; seq: number }>()
  const writes: MemoryCompanyStore['writes'] = []
  const notices: MemoryCompanyStore['notices'] = []
  let isDown = false
  let losesAnswer = false

  const item = (companyId: string) => items.get(companyId) ?? { state: emptyCompany, seq: 0 }
  const answer = async () => {
    await Promise.resolve()
    if (isDown) throw new Error('The store is away')
  }
  return {
    writes,
    notices,
    state: (companyId) => item(companyId).state,
    put: (companyId, state) => items.set(companyId, { state, seq: item(companyId).seq }),
    breakDown: () => {
      isDown = true
    },
    repair: () => {
      isDown = false
    },
    loseNextAnswer: () => {
      losesAnswer = true
    },
    async decide(companyId, transition) {
      await answer()
      const before = item(companyId)
      const decision = transition(before.state, clock())
      const changed = decision.state !== before.state
      const lastSeq = before.seq + numbersNeeded(decision.notices)
      items.set(companyId, { state: decision.state, seq: lastSeq })
      if (changed) writes.push({ companyId, state: decision.state })
      for (const notice of decision.notices) notices.push({ companyId, notice })
      if (losesAnswer) {
        losesAnswer = false
        throw new Error('The answer was lost')
      }
      return { ...decision, changed, lastSeq }
    },
    async read(companyId) {
      await answer()
      return { ...item(companyId), isKnown: items.has(companyId) }
    },
    async readWithSeq(companyId) {
      await answer()
      return item(companyId)
    },
    leaseOf: async () => undefined,
    async companiesOf(shard) {
      await answer()
      const mine = [...items].filter(([id, { state }]) => shardOf(id, shards) === shard && !isVacant(state))
      return { companyIds: mine.map(([id]) => id) }
    },
  }
}
