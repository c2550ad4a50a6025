/** A host's decisions about one company: written, told to its clients, and watched over when the host should die. */
import { nextDeadline } from '#shared/domain/attempt/deadlines.ts'
import type { CompanyState, Transition } from '#shared/domain/company/company.ts'
import { withLogFields } from '#shared/telemetry/log.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'

export type Decisions = {
  /** Decides and writes; the outcome is `notOwner` when the lease has run out: then nothing was decided. */
  applyAsOwner<Outcome>(
    transition: Transition<Outcome>,
    correlationId: string,
  ): Promise<{ readonly state: CompanyState; readonly outcome: Outcome | 'notOwner' }>
  /** Resolves when all that was decided has been told. */
  whenPublished(): Promise<void>
}

export function decisions(deps: CompanyDeps, companyId: string, lease: OwnedLease): Decisions {
  let publishing: Promise<void> = Promise.resolve()
  let watchedUntil: number | undefined

  /**
   * Time-outs must not depend on this host: the watchdog is woken for a deadline that is nearer than the one it knows. For
   * what is due later it wakes itself.
   */
  function watch(state: CompanyState, correlationId: string): void {
    const due = nextDeadline(state)
    const isWatched = watchedUntil !== undefined && watchedUntil > deps.time.now()
    if (due === undefined || (isWatched && watchedUntil !== undefined && due >= watchedUntil)) return
    watchedUntil = due
    deps.commands.wakeAt({ companyId, correlationId, due }).catch((error: unknown) => {
      watchedUntil = undefined
      deps.log.warn('watchdog could not be armed', { companyId, correlationId, error })
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
      // Not awaited: a slow client must not hold up a pairing. In a chain: in the order of the decisions.
      if (notices.length > 0)
        publishing = publishing
          .then(() =>
            withLogFields({ companyId, correlationId }, () => deps.publisher.publish(companyId, notices, lastSeq)),
          )
          .catch((error: unknown) => deps.log.warn('clients could not be told', { companyId, correlationId, error }))
      return { state, outcome }
    },
    whenPublished: () => publishing,
  }
}
