/** How long a host's store calls may take: never longer than the margin of its leases (R12, R27). */
import { leaseMarginMs } from '#shared/domain/fleet/lease.ts'
import type { CallLimits } from '#shared/dynamo/document-client.ts'

/** Left for what the process does between the call's end and the deadline. */
const slackMs = 50

/**
 * Limits with which a call that began in time ends before anybody else can take the lease. One long try rather than two
 * short ones: a store, or a process, that is only busy must not be asked twice.
 */
export const callLimits = (staleMs: number): CallLimits => ({
  tries: 1,
  tryMs: Math.max(1, leaseMarginMs(staleMs) - slackMs),
})
