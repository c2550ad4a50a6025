/**
 * A company store in memory. Decisions take a turn of the event loop, so that concurrent ones really collide. Calls can
 * be made to fail, and all written states and notices are kept.
 */
import { type CompanyState, emptyCompany, isEmpty, type Notice } from '#shared/domain/company/company.ts'
import { ForeignState } from '#shared/domain/company/foreign-state.ts'
import { numbersNeeded } from '#shared/domain/company/sequence.ts'
import type { LeaseView } from '#shared/domain/company/view.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Clock, CompanyStore } from '#shared/ports.ts'
import { outage } from './outage.ts'

export type MemoryCompanyStore = CompanyStore & {
  state(companyId: string): CompanyState
  /** Puts a state in place, as if it had been decided. */
  put(companyId: string, state: CompanyState): void
  setLease(shard: number, lease: LeaseView): void
  /** Every written state, in order. */
  readonly writes: { readonly companyId: string; readonly state: CompanyState }[]
  /** Every notice of a written decision, in order. */
  readonly notices: { readonly companyId: string; readonly notice: Notice }[]
  /** Makes every call fail, as when the database is unavailable, until `repair`. */
  breakDown(): void
  repair(): void
  /** Loses the answer to the next write: the store has to find out that it succeeded. */
  loseNextAnswer(): void
  /** From now on another writer is always faster. */
  loseRaces(): void
  /** Writes the next decision, but makes the call fail. */
  loseNextAnswerForGood(): void
}

type Item = {
  readonly state: CompanyState
  readonly seq: number
  /** The last written decision. */
  readonly by?: object
}
const unknown: Item = { state: emptyCompany, seq: 0 }

export function memoryCompanyStore(clock: Clock, shards: number): MemoryCompanyStore {
  const items = new Map<string, Item>()
  const leases = new Map<number, LeaseView>()
  const record = decisionRecord()
  const { controls, answer } = outage(() => away('the store is away'))
  const answers = answersToWrites()
  const itemOf = (companyId: string): Item => items.get(companyId) ?? unknown
  const keep = (companyId: string, { state, seq }: Item, decision: Decided, changed: boolean) => {
    items.set(companyId, { state, seq, by: decision })
    record.add(companyId, changed ? state : undefined, decision.notices)
  }

  return {
    ...record.views,
    state: (companyId) => itemOf(companyId).state,
    put: (companyId, state) => items.set(companyId, { state, seq: itemOf(companyId).seq }),
    setLease: (shard, lease) => leases.set(shard, lease),
    ...controls,
    ...answers.controls,
    async decide(companyId, transition) {
      await answer()
      while (true) {
        const seen = understood(companyId, itemOf(companyId))
        const decision = transition(seen.state, clock())
        await answer()
        if (itemOf(companyId) !== seen) continue
        const changed = decision.state !== seen.state
        if (changed && answers.losesRaces()) throw new Contention('the state of a company', 1)
        const seq = seen.seq + numbersNeeded(decision.notices)
        if (changed || seq > seen.seq) {
          keep(companyId, { state: decision.state, seq }, decision, changed)
          const fate = answers.next()
          if (fate === 'isLostForGood') throw away('the answer was lost')
          await Promise.resolve()
          // If the decision is not recognised as its own, it is made again.
          if (fate === 'isLost' && itemOf(companyId).by !== decision) continue
        }
        return { ...decision, changed, lastSeq: seq }
      }
    },
    async read(companyId) {
      await answer()
      return { state: itemOf(companyId).state }
    },
    async readWithSeq(companyId) {
      await answer()
      const { state, seq } = itemOf(companyId)
      items.set(companyId, { state, seq: seq + 1 })
      return { state, seq: seq + 1 }
    },
    leaseOf: (companyId) => answer().then(() => leases.get(shardOf(companyId, shards))),
    async companiesOf(shard, page) {
      await answer()
      const listed = [...items].filter(([id, { state }]) => shardOf(id, shards) === shard && !isEmpty(state))
      return pageOf(listed, page)
    },
  }
}

function understood(companyId: string, item: Item): Item {
  if (item.state.foreign) throw new ForeignState(companyId)
  return item
}

type Decided = { readonly notices: readonly Notice[] }

const away = (why: string) => new StoreUnavailable('memory', new Error(why))

/** The written states and notices, in order. */
function decisionRecord() {
  const writes: MemoryCompanyStore['writes'] = []
  const notices: MemoryCompanyStore['notices'] = []
  return {
    views: { writes, notices },
    add(companyId: string, changed: CompanyState | undefined, decided: readonly Notice[]): void {
      if (changed) writes.push({ companyId, state: changed })
      for (const notice of decided) notices.push({ companyId, notice })
    },
  }
}

/** Fates of the answers to writes, which a test chooses one by one. */
function answersToWrites() {
  type Fate = 'arrives' | 'isLost' | 'isLostForGood'
  let nextFate: Fate = 'arrives'
  let losesRaces = false
  return {
    losesRaces: () => losesRaces,
    controls: {
      loseRaces: () => {
        losesRaces = true
      },
      loseNextAnswer: () => {
        nextFate = 'isLost'
      },
      loseNextAnswerForGood: () => {
        nextFate = 'isLostForGood'
      },
    },
    next(): Fate {
      const fate = nextFate
      nextFate = 'arrives'
      return fate
    },
  }
}

type Page = Parameters<CompanyStore['companiesOf']>[1]

/** Returns the page of ids that follows `after`. */
function pageOf(listed: readonly (readonly [id: string, Item])[], { limit, after = '' }: Page) {
  const ids = listed.map(([id]) => id).toSorted(byBytes)
  const companyIds = ids.filter((id) => byBytes(id, after) > 0).slice(0, limit)
  const last = companyIds.at(-1)
  return { companyIds, ...(last !== undefined && ids.at(-1) !== last && { next: last }) }
}

/** DynamoDB's order of sort keys. */
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
