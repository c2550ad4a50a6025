/** A company store in memory. Decisions take a turn of the event loop, so that those made at once really collide. */
import { type CompanyState, emptyCompany, isVacant } from '#shared/domain/company.ts'
import { numbersNeeded } from '#shared/domain/sequence.ts'
import { shardOf } from '#shared/domain/shard.ts'
import type { LeaseView } from '#shared/domain/view.ts'
import type { Clock, CompanyStore } from '#shared/ports.ts'

export type MemoryCompanyStore = CompanyStore & {
  /** Puts a state in place, as if it had been decided. */
  put(companyId: string, state: CompanyState): void
  setLease(shard: number, lease: LeaseView): void
  /** The next decision is written while its answer is lost: whoever made it has to find it again. */
  loseNextAnswer(): void
}

type Item = {
  readonly state: CompanyState
  readonly seq: number
  readonly isKnown: boolean
  /** The decision that was written last. */
  readonly by?: object
}
const unknown: Item = { state: emptyCompany, seq: 0, isKnown: false }

export function memoryCompanyStore(clock: Clock, shards: number): MemoryCompanyStore {
  const items = new Map<string, Item>()
  const leases = new Map<number, LeaseView>()
  let losesAnswer = false
  const itemOf = (companyId: string): Item => items.get(companyId) ?? unknown

  return {
    put: (companyId, state) => items.set(companyId, { state, seq: itemOf(companyId).seq, isKnown: true }),
    setLease: (shard, lease) => leases.set(shard, lease),
    loseNextAnswer: () => {
      losesAnswer = true
    },
    async decide(companyId, transition) {
      while (true) {
        const seen = itemOf(companyId)
        const decision = transition(seen.state, clock())
        await Promise.resolve()
        if (itemOf(companyId) !== seen) continue
        const changed = decision.state !== seen.state
        const seq = seen.seq + numbersNeeded(decision.notices)
        if (changed || seq > seen.seq) {
          items.set(companyId, { state: decision.state, seq, isKnown: seen.isKnown || changed, by: decision })
          const isLost = losesAnswer
          losesAnswer = false
          await Promise.resolve()
          // Not found again, it would be decided once more.
          if (isLost && itemOf(companyId).by !== decision) continue
        }
        return { ...decision, changed, lastSeq: seq }
      }
    },
    read: async (companyId) => itemOf(companyId),
    async readWithSeq(companyId) {
      const item = { ...itemOf(companyId), seq: itemOf(companyId).seq + 1 }
      items.set(companyId, item)
      return { state: item.state, seq: item.seq }
    },
    leaseOf: async (companyId) => leases.get(shardOf(companyId, shards)),
    async companiesOf(shard, { limit, after = '' }) {
      const listed = [...items].filter(([id, { state }]) => shardOf(id, shards) === shard && !isVacant(state))
      const ids = listed.map(([id]) => id).toSorted(byBytes)
      const companyIds = ids.filter((id) => byBytes(id, after) > 0).slice(0, limit)
      const last = companyIds.at(-1)
      return { companyIds, ...(last !== undefined && ids.at(-1) !== last && { next: last }) }
    },
  }
}

/** As DynamoDB orders sort keys. */
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
