/** Observations during a chaos run, and the promises that they break. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Company, Fleet, Twin } from '../support/fleet.ts'

/** Time for which a host was frozen (epoch ms), with the phones of its companies. */
export type Pause = { readonly phones: ReadonlySet<string>; readonly from: number; until: number }

export type Report = {
  readonly done: Readonly<Record<string, number>>
  /** Number of clicks by their act, their phone and their answer. */
  readonly clicks: Readonly<Record<string, number>>
  /** Companies whose stored link has disappeared without a reset, another phone, or a new code that was typed. */
  readonly linksLost: readonly string[]
  /** Companies that should be linked but are not connected at the end. */
  readonly sessionsLost: readonly string[]
  /** Time in ms from the end of the last act until all sessions were connected. */
  readonly allBackMs: number
  /** Second sockets of a device while no host was frozen. */
  readonly twins: readonly Twin[]
  readonly stuckAttempts: readonly string[]
  /** Maximum time in ms for which a linked device was offline. */
  readonly worstRecoveryMs: number
  /** Number of hosts that were replaced because they said that they are unhealthy. */
  readonly hostsReplaced: number
  /** Rejected writes of hosts. */
  readonly storeRefusals: number
  readonly leasesLost: number
  /** Sockets that closed because of the store while it was only throttled. */
  readonly closedByStore: number
  /** All other violations that the simulated WhatsApp has recorded. */
  readonly violations: Readonly<Record<string, number>>
}

/** Time that a resumed host needs to notice that its leases have expired. */
const resumeMs = 1000
const sampleMs = 250
/** Time from the last act in which all sessions are back. */
const promisedBackMs = 90_000

export const unexcused = (twins: readonly Twin[], pauses: readonly Pause[]): readonly Twin[] =>
  twins.filter(
    ({ phone, at }) =>
      !pauses.some(({ phones, from, until }) => phones.has(phone) && at >= from && at <= until + resumeMs),
  )

/** Returns a sentence for each promise that a report breaks. */
export function brokenPromises(report: Report): readonly string[] {
  const { linksLost, sessionsLost, allBackMs, twins, stuckAttempts, closedByStore, violations } = report
  return [
    ...linksLost.map((each) => `link lost: ${each}`),
    ...(allBackMs > promisedBackMs ? [`all sessions were back after ${allBackMs} ms, not ${promisedBackMs}`] : []),
    ...sessionsLost.map((each) => `session lost: ${each}`),
    ...twins.map(({ phone, at }) => `two sockets of ${phone} at ${new Date(at).toISOString()}`),
    ...(closedByStore > 0 ? [`${closedByStore} sockets closed because the store was throttled`] : []),
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
