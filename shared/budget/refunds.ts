/** Gives codes back that WhatsApp was never asked for: one place for functions and hosts, whoever ends the attempt (R24). */
import { unusedTicket } from '../domain/attempt/code-need.ts'
import type { BudgetTicket } from '../domain/values/budget.ts'
import type { Log, LogFields } from '../telemetry/log.ts'
import type { Observed } from '../telemetry/observed-store.ts'

export type Refunds = {
  readonly giveBack: (ticket: BudgetTicket) => Promise<void>
  readonly log: Pick<Log, 'warn'>
}

/** A code that is not given back only costs the owner a place in the window: no reason to fail anything. */
export async function refund(
  ticket: BudgetTicket | undefined,
  { giveBack, log }: Refunds,
  about: LogFields = {},
): Promise<void> {
  if (!ticket) return
  await giveBack(ticket).catch((error: unknown) => log.warn('A code could not be given back', { ...about, error }))
}

/** For `observedCompanyStore`: gives the code back of an attempt that a decision has ended unaccepted. */
export const refundUnused =
  (refunds: Refunds) =>
  ({ companyId, before, after }: Observed): Promise<void> =>
    refund(unusedTicket(before, after), refunds, { companyId })
