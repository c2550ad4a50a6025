/** Time limits of a host's store calls: a call must end within the margin of its leases (R12, R27). */
import { leaseMarginMs } from '#shared/domain/fleet/lease.ts'
import type { CallLimits } from '#shared/dynamo/document-client.ts'

/** Time left between the end of a call and the end of the margin. */
const slackMs = 50

/**
 * Limits for the store's client: a call that begins while this host owns a lease ends before another host can take it.
 * One long try instead of two short ones: a store, or a process, that is only busy must not get every call twice.
 */
export const callLimits = (staleMs: number): CallLimits => ({
  tries: 1,
  tryMs: Math.max(1, leaseMarginMs(staleMs) - slackMs),
})
