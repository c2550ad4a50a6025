/** Gives codes back that WhatsApp was never asked for: one place for functions and hosts, whoever ends the attempt (R24). */
import type { BudgetTicket } from './domain/budget.ts'
import { unusedTicket } from './domain/code-need.ts'
import type { CompanyState } from './domain/company.ts'
import type { Log } from './log.ts'
import type { CompanyStore } from './ports.ts'

export type Refunds = {
  readonly giveBack: (ticket: BudgetTicket) => Promise<void>
  readonly log: Pick<Log, 'warn'>
}

/** A company store that gives the code back of an attempt that one of its decisions has ended unaccepted. */
export function refundingCompanyStore(store: CompanyStore, { giveBack, log }: Refunds): CompanyStore {
  return {
    ...store,
    async decide(companyId, transition) {
      let before: CompanyState | undefined
      // A transition that lost a race is asked again: what was written is what it said last.
      const decided = await store.decide(companyId, (state, now) => {
        before = state
        return transition(state, now)
      })
      const ticket = before && decided.changed && unusedTicket(before, decided.state)
      // The decision stands: a code that is not given back only costs the owner a place in the window.
      if (ticket)
        await giveBack(ticket).catch((error: unknown) =>
          log.warn('A code could not be given back', { companyId, error }),
        )
      return decided
    },
  }
}
