/** API Gateway's token buckets: an average rate and a burst, for each route separately. */
import type { Throttle } from '../template/cloud.ts'

/** Takes a token; returns false when the route has none left. `now` is monotonic ms. */
export type Admit = (routeKey: string, now?: number) => boolean

/** Creates the buckets; without a throttle every request is admitted. */
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
