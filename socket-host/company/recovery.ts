/**
 * Recovery of sessions that are stopped for a reason that is not their accounts' (R45): WhatsApp refuses this version, or
 * more sessions than the fuse lets through, or this host can read no credentials. One of them tries again each minute.
 * The first that connects lets all others of the same reason follow, as fast as reconnects may.
 */
import type { ErrorCode } from '#shared/domain/values/errors.ts'
import { repeated, type Time } from '../time.ts'

export type Recovery = {
  /** True when the stopped session of the company may try now. */
  mayTry(companyId: string): boolean
  /** The session tries: it must wait for its next turn before it may try once more. */
  tried(companyId: string): void
  /** Lets the company's stopped session wait for its turn. `wake` is called then. Repeated calls change nothing. */
  wait(companyId: string, code: ErrorCode, wake: () => void): void
  /** The company's session waits no more: it is open, reset, or another host's. */
  leave(companyId: string): void
  /** A session that was stopped for this reason has connected: all others may try. */
  succeeded(code: ErrorCode): void
}

type Waiting = { readonly code: ErrorCode; readonly wake: () => void; readonly mayTry: boolean }

/** Time between two tries of a reason, on each host. */
export const tryEveryMs = 60_000

/** Makes the recovery of a host. `onRecovered` is called when the first session of a reason has connected again. */
export function recovery(time: Time, onRecovered: (code: ErrorCode) => void): Recovery {
  /** In the order of their turns: a session that has tried goes to the end. */
  const waiting = new Map<string, Waiting>()
  let stopTimer = (): void => undefined

  function letTry(companyId: string, each: Waiting): void {
    waiting.delete(companyId)
    waiting.set(companyId, { ...each, mayTry: true })
    each.wake()
  }

  /** Lets the first waiting session of each reason try. */
  function nextTurns(): void {
    const first = new Map<ErrorCode, [string, Waiting]>()
    for (const [companyId, each] of waiting) if (!first.has(each.code)) first.set(each.code, [companyId, each])
    for (const [companyId, each] of first.values()) letTry(companyId, each)
  }

  return {
    mayTry: (companyId) => waiting.get(companyId)?.mayTry ?? false,
    tried: (companyId) => {
      const each = waiting.get(companyId)
      if (each) waiting.set(companyId, { ...each, mayTry: false })
    },
    wait: (companyId, code, wake) => {
      if (waiting.get(companyId)?.code === code) return
      if (waiting.size === 0) {
        stopTimer()
        stopTimer = repeated(time, tryEveryMs, nextTurns)
      }
      waiting.set(companyId, { code, wake, mayTry: false })
    },
    leave: (companyId) => {
      waiting.delete(companyId)
      if (waiting.size === 0) stopTimer()
    },
    succeeded: (code) => {
      const others = [...waiting].filter(([, each]) => each.code === code)
      onRecovered(code)
      for (const [companyId, each] of others) letTry(companyId, each)
    },
  }
}
