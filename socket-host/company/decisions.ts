/**
 * Writes a host's decisions about one company, publishes their notices, and schedules the watchdog for their deadlines.
 */
import { type Wake, wakesAfter } from '#shared/domain/attempt/guard.ts'
import { type CompanyState, decision, type Transition } from '#shared/domain/company/company.ts'
import { withLogFields } from '#shared/telemetry/log-fields.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'

export type Decisions = {
  /**
   * Decides by the transition and writes the decision, if this host still owns the lease. Otherwise the outcome is
   * `notOwner`, and nothing was decided. Rejects when the store fails; the decision may then have been written.
   */
  applyAsOwner<Outcome>(
    transition: Transition<Outcome>,
    correlationId: string,
  ): Promise<{ readonly state: CompanyState; readonly outcome: Outcome | 'notOwner' }>
  /** Resolves when the notices of all decisions so far have been published, or could not be. */
  whenPublished(): Promise<void>
}

export function decisions(deps: CompanyDeps, companyId: string, lease: OwnedLease): Decisions {
  let publishing: Promise<void> = Promise.resolve()
  /** Messages to the watchdog that could not be sent; they go with the next decision. */
  let unsent: readonly Wake[] = []

  /**
   * Wakes the watchdog for deadlines that come earlier than those which it guards already, so that time-outs do not
   * depend on this host. No decision waits for it.
   */
  function watch(wakes: readonly Wake[], correlationId: string): void {
    const all = [...unsent, ...wakes]
    unsent = []
    for (const wake of all)
      deps.commands.wakeAt({ companyId, correlationId, ...wake }).catch((error: unknown) => {
        unsent = [...unsent, wake]
        deps.log.warn('Could not schedule the watchdog', { companyId, correlationId, error })
      })
  }

  return {
    async applyAsOwner<Outcome>(transition: Transition<Outcome>, correlationId: string) {
      type Guarded = { readonly outcome: Outcome | 'notOwner'; readonly wakes: readonly Wake[] }
      const decided = await deps.companies.decide<Guarded>(companyId, (before, now) => {
        if (!lease.isOwner()) return decision<Guarded>(before, { outcome: 'notOwner', wakes: [] })
        const { state, notices, outcome } = transition(before, now)
        return decision<Guarded>(state, { outcome, wakes: wakesAfter(before, state) }, notices)
      })
      const { state, notices, lastSeq } = decided
      const { outcome, wakes } = decided.outcome
      if (decided.changed) watch(wakes, correlationId)
      // Not awaited: a slow client must not delay a pairing. Chained: clients get notices in the order of the
      // decisions.
      if (notices.length > 0)
        publishing = publishing
          .then(() =>
            withLogFields({ companyId, correlationId }, () => deps.publisher.publish(companyId, notices, lastSeq)),
          )
          .catch((error: unknown) =>
            deps.log.warn('Could not publish notices to clients', { companyId, correlationId, error }),
          )
      return { state, outcome }
    },
    whenPublished: () => publishing,
  }
}
