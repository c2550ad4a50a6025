/** Tells clients what has been decided. What is decided stands, whether or not they hear of it: `get-status` repairs that. */
import type { Decided, Publisher } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'

export type PushDeps = { readonly publisher: Publisher; readonly log: Log }

/** Pushes the notices of a decision to the company's connections but one; a failure is logged, not thrown. */
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
    log.warn('Clients could not be told', { companyId, error })
  }
}
