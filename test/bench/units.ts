/** DynamoDB requests and capacity units of a time, from what the counting proxy has seen. */
import { type Counted, isOfLeases, isWrite } from './counting-proxy.ts'

/** Requests, and the units of reads (consistent) and of writes. */
export type UnitSums = { requests: number; reads: number; writes: number }
/** Those of companies, and those of leases and heartbeats, whose number does not depend on that of sessions. */
export type Units = { readonly companies: UnitSums; readonly leases: UnitSums }

/**
 * Begins to count, and forgets what was counted so far. Each `take` adds what has come since the last one and returns the
 * sums; it must be called now and then, because the proxy keeps the bodies of all requests until then.
 */
export function unitsSince(counted: Counted[]): { readonly take: () => Units } {
  counted.length = 0
  const sums: Units = { companies: newSums(), leases: newSums() }
  return {
    take: () => {
      for (const each of counted.splice(0)) {
        const sum = isOfLeases(each) ? sums.leases : sums.companies
        sum.requests += 1
        if (isWrite(each)) sum.writes += each.units
        else sum.reads += each.units
      }
      return sums
    },
  }
}

const newSums = (): UnitSums => ({ requests: 0, reads: 0, writes: 0 })
