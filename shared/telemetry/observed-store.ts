/** Observation of written decisions, the same for functions and hosts, so that nothing is counted twice. */
import type { Written } from '../domain/metrics/happenings.ts'
import type { CompanyStore } from '../ports.ts'

/** A written decision about a company. */
export type Observed = Written & { readonly companyId: string }

export type Observer = (observed: Observed) => void | Promise<void>

/**
 * Wraps a company store: after each decision that changed a state, it calls the observers one after the other, with the
 * states before and after. `decide` waits for them, and fails if one fails.
 */
export function observedCompanyStore(store: CompanyStore, ...observers: readonly Observer[]): CompanyStore {
  return {
    ...store,
    async decide(companyId, transition) {
      let last: Pick<Written, 'before' | 'now'> | undefined
      // After a collision the transition runs again; the decision that was written is that of its last run.
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
