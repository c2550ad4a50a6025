/** API Gateway's token buckets: a rate on average, a burst at once, for each route on its own. */
import type { Throttle } from '../template/cloud.ts'

/** Says whether a route may take another request now (monotonic ms). */
export type Admit = (routeKey: string, now?: number) => boolean

/** Makes the buckets; without a throttle everything is admitted. */
export function throttled(throttle: Throttle | undefined): Admit {
  if (throttle === undefined) return () => true
  const buckets = new Map<string, { tokens: number; at: number }>()
  return (routeKey, now = performance.now()) => {
    const { tokens, at } = buckets.get(routeKey) ?? { tokens: throttle.burst, at: now }
    const available = Math.min(throttle.burst, tokens + ((now - at) / 1000) * throttle.rate)
    const admitted = available >= 1
    buckets.set(routeKey, { tokens: admitted ? available - 1 : available, at: now })
    return admitted
  }
}
