/** How long a host's store calls may take: never longer than the margin of its leases (R12, R27). */
import { leaseMarginMs } from '#shared/domain/lease.ts'
import type { CallLimits } from '#shared/dynamo/document-client.ts'

/** What a retry costs beside its tries: see `longestCallMs`. */
const retryPauseMs = 1000
/** A try shorter than this would give up on a store that is only busy; then one long try is better than two. */
const shortestTryMs = 500
/** Left for what the process does between the call's end and the deadline. */
const slackMs = 50

/** Limits with which a call that began in time ends before anybody else can take the lease. */
export function callLimits(staleMs: number): CallLimits {
  const longestMs = Math.max(1, leaseMarginMs(staleMs) - slackMs)
  const tryMs = Math.floor((longestMs - retryPauseMs) / 2)
  return tryMs >= shortestTryMs ? { tries: 2, tryMs } : { tries: 1, tryMs: longestMs }
}
