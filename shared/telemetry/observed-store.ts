/** Looks at what is decided about companies: one place for functions and hosts, so that nothing is counted twice. */
import type { Written } from '../domain/metrics/happenings.ts'
import type { CompanyStore } from '../ports.ts'

export type Observed = Written & { readonly companyId: string }

export type Observer = (observed: Observed) => void | Promise<void>

/** A company store that shows each written decision to its observers in turn, with the state that it was made on. */
export function observedCompanyStore(store: CompanyStore, ...observers: readonly Observer[]): CompanyStore {
  return {
    ...store,
    async decide(companyId, transition) {
      let last: Pick<Written, 'before' | 'now'> | undefined
      // A transition that lost a race is asked again: what was written is what it said last.
      const decided = await store.decide(companyId, (state, now) => {
        last = { before: state, now }
        return transition(state, now)
      })
      if (last && decided.changed)
        for (const observe of observers) await observe({ companyId, ...last, after: decided.state })
      return decided
    },
  }
}
