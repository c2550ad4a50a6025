/** Load of this process's event loop. */
import { performance } from 'node:perf_hooks'

/** Makes a function that returns the share of the time since its last call (0 to 1) in which the loop was busy. */
export function loopLoad(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const before = last
    last = performance.eventLoopUtilization()
    return performance.eventLoopUtilization(last, before).utilization
  }
}
