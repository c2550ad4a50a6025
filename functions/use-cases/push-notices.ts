/**
 * Pushes the notices of a decision to clients. A lost push does no harm: the decision is written, and `get-status`
 * shows it.
 */
import type { Decided, Publisher } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'

export type PushDeps = { readonly publisher: Publisher; readonly log: Log }

/** Pushes to all connections of the company except `excluding`. A failure is logged and not thrown. */
export async function pushNotices(
  companyId: string,
  { notices, lastSeq }: Pick<Decided<unknown>, 'notices' | 'lastSeq'>,
  { publisher, log }: PushDeps,
  excluding?: string,
): Promise<void> {
  if (notices.length === 0) return
  try {
    await publisher.publish(companyId, notices, lastSeq, excluding)
  } catch (error) {
    log.warn('Could not push to clients', { companyId, error })
  }
}
