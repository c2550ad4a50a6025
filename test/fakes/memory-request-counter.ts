/** Request counters in memory. */
import type { RequestCounter } from '#shared/dynamo/clients/request-counter.ts'

/** `calls` has a line per call, such as `count A 7`. */
export function memoryRequestCounter(): RequestCounter & { readonly calls: string[] } {
  const counts = new Map<string, number>()
  const calls: string[] = []
  return {
    calls,
    async count(caller, second) {
      calls.push(`count ${caller} ${second}`)
      const number = (counts.get(`${caller} ${second}`) ?? 0) + 1
      counts.set(`${caller} ${second}`, number)
      return number
    },
    async countOf(caller, second) {
      calls.push(`countOf ${caller} ${second}`)
      return counts.get(`${caller} ${second}`) ?? 0
    },
  }
}
