/** Refunds of codes that WhatsApp was never asked for, for functions and hosts (R24). */
import { unusedTicket } from '../domain/attempt/code-need.ts'
import type { BudgetTicket } from '../domain/values/budget.ts'
import type { Log } from '../telemetry/log.ts'
import type { LogFields } from '../telemetry/log-fields.ts'
import type { Observed } from '../telemetry/observed-store.ts'

export type Refunds = {
  readonly giveBack: (ticket: BudgetTicket) => Promise<void>
  readonly log: Pick<Log, 'warn'>
}

/** Gives a ticket back. A failure is only logged: it costs the owner a place in the window until that has passed. */
export async function refund(
  ticket: BudgetTicket | undefined,
  { giveBack, log }: Refunds,
  about: LogFields = {},
): Promise<void> {
  if (!ticket) return
  await giveBack(ticket).catch((error: unknown) => log.warn('Could not give a code back', { ...about, error }))
}

/** Observer for `observedCompanyStore`: gives the code back of an attempt that ended before a host accepted it. */
export const refundUnused =
  (refunds: Refunds) =>
  ({ companyId, before, after }: Observed): Promise<void> =>
    refund(unusedTicket(before, after), refunds, { companyId })
