/** Time limits of a host's store calls: a call must end within the margin of its leases (R12, R27). */
import { leaseMarginMs } from '#shared/domain/fleet/lease.ts'
import type { LightLimits } from '#shared/dynamo/light/light-client.ts'

/** Time left between the end of a call and the end of the margin. */
const slackMs = 50

/**
 * Limits for the store's client: a call that begins while this host owns a lease ends before another host can take it,
 * with all its tries (R64).
 */
export const callLimits = (staleMs: number): LightLimits => ({
  wholeMs: Math.max(1, leaseMarginMs(staleMs) - slackMs),
})
