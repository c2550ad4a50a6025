/**
 * Writes a host's decisions about one company, publishes their notices, and schedules the watchdog for their deadlines.
 */
import { nextDeadline } from '#shared/domain/attempt/deadlines.ts'
import type { CompanyState, Transition } from '#shared/domain/company/company.ts'
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
  let watchedUntil: number | undefined

  /**
   * Wakes the watchdog for the next deadline, so that time-outs do not depend on this host. A deadline that is later
   * than one already scheduled needs no message: the watchdog schedules itself again.
   */
  function watch(state: CompanyState, correlationId: string): void {
    const due = nextDeadline(state)
    const isWatched = watchedUntil !== undefined && watchedUntil > deps.time.now()
    if (due === undefined || (isWatched && watchedUntil !== undefined && due >= watchedUntil)) return
    watchedUntil = due
    deps.commands.wakeAt({ companyId, correlationId, due }).catch((error: unknown) => {
      watchedUntil = undefined
      deps.log.warn('Could not schedule the watchdog', { companyId, correlationId, error })
    })
  }

  return {
    async applyAsOwner(transition, correlationId) {
      const decided = await deps.companies.decide<ReturnType<typeof transition>['outcome'] | 'notOwner'>(
        companyId,
        (state, now) =>
          lease.isOwner() ? transition(state, now) : { state, notices: [], outcome: 'notOwner' as const },
      )
      const { state, notices, lastSeq, outcome } = decided
      if (decided.changed) watch(state, correlationId)
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
