/** Observations during a chaos run, and the promises that they break. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Company, Fleet, Twin } from '../support/fleet.ts'

/** Time for which a host was frozen (epoch ms), with the phones of its companies. */
export type Pause = { readonly phones: ReadonlySet<string>; readonly from: number; until: number }

export type Report = {
  readonly done: Readonly<Record<string, number>>
  /** Companies that should be linked but are not connected at the end. */
  readonly sessionsLost: readonly string[]
  /** Second sockets of a device while no host was frozen. */
  readonly twins: readonly Twin[]
  readonly stuckAttempts: readonly string[]
  /** Maximum time in ms for which a linked device was offline. */
  readonly worstRecoveryMs: number
  /** Rejected writes of hosts. */
  readonly storeRefusals: number
  readonly leasesLost: number
  /** All other violations that the simulated WhatsApp has recorded. */
  readonly violations: Readonly<Record<string, number>>
}

/** Time that a resumed host needs to notice that its leases have expired. */
const resumeMs = 1000
const sampleMs = 250

export const unexcused = (twins: readonly Twin[], pauses: readonly Pause[]): readonly Twin[] =>
  twins.filter(
    ({ phone, at }) =>
      !pauses.some(({ phones, from, until }) => phones.has(phone) && at >= from && at <= until + resumeMs),
  )

/** Returns a sentence for each promise that a report breaks. */
export function brokenPromises({ sessionsLost, twins, stuckAttempts, violations }: Report): readonly string[] {
  return [
    ...sessionsLost.map((each) => `session lost: ${each}`),
    ...twins.map(({ phone, at }) => `two sockets of ${phone} at ${new Date(at).toISOString()}`),
    ...stuckAttempts.map((each) => `attempt without an end: ${each}`),
    ...Object.entries(violations).map(([kind, count]) => `WhatsApp saw ${kind} ${count} times`),
  ]
}

/** Measures for how long devices are offline that should be online, until the signal is aborted. */
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
