/** What is seen while everything breaks, and what of it must not be. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Company, Fleet, Twin } from './fleet.ts'

/** A host that stood still, with the companies that it held then. */
export type Pause = { readonly phones: ReadonlySet<string>; readonly from: number; until: number }

export type Report = {
  readonly done: Readonly<Record<string, number>>
  /** Companies that were linked, were not reset, and are not connected in the end. */
  readonly sessionsLost: readonly string[]
  /** Two sockets of one device, both of hosts that ran. */
  readonly twins: readonly Twin[]
  readonly stuckAttempts: readonly string[]
  /** Longest time in ms for which a linked device was offline. */
  readonly worstRecoveryMs: number
  /** Writes that hosts were refused, and leases that they have lost. */
  readonly storeRefusals: number
  readonly leasesLost: number
  /** Whatever else the simulated WhatsApp holds against us. */
  readonly violations: Readonly<Record<string, number>>
}

/** A host that returns needs a moment to find that its time is up. */
const returnMs = 1000
const sampleMs = 250

export const unexcused = (twins: readonly Twin[], pauses: readonly Pause[]): readonly Twin[] =>
  twins.filter(
    ({ phone, at }) =>
      !pauses.some(({ phones, from, until }) => phones.has(phone) && at >= from && at <= until + returnMs),
  )

/** The promises that a report breaks, in words. */
export function brokenPromises({ sessionsLost, twins, stuckAttempts, violations }: Report): readonly string[] {
  return [
    ...sessionsLost.map((each) => `session lost: ${each}`),
    ...twins.map(({ phone, at }) => `two sockets of ${phone} at ${new Date(at).toISOString()}`),
    ...stuckAttempts.map((each) => `attempt without an end: ${each}`),
    ...Object.entries(violations).map(([kind, count]) => `WhatsApp saw ${kind} ${count} times`),
  ]
}

/** Notes for how long devices are offline that should be online. */
export function watchOffline(fleet: Fleet, linked: () => readonly Company[], signal: AbortSignal) {
  const offlineSince = new Map<string, number>()
  let worstMs = 0
  const watching = (async () => {
    while (!signal.aborted) {
      const online = new Set((await fleet.simulator()).online.map((jid) => jid.split(':')[0]))
      const now = performance.now()
      const numbers = new Set(linked().map(({ phone }) => phone.number))
      for (const number of offlineSince.keys())
        if (online.has(number) || !numbers.has(number)) offlineSince.delete(number)
      for (const number of numbers) {
        if (online.has(number)) continue
        const since = offlineSince.get(number) ?? now
        offlineSince.set(number, since)
        worstMs = Math.max(worstMs, now - since)
      }
      await pause(sampleMs)
    }
  })()
  return { worstMs: () => worstMs, done: watching }
}
