/**
 * Recovery of sessions that have ended for a reason that is not their accounts' (R45): WhatsApp refuses this version, it
 * ends more sessions than the fuse lets through, or this host can read no credentials. One of them tries again each
 * minute. The first that connects lets all others of the same reason follow, as fast as reconnects may.
 */
import { beyondFuse } from '#shared/domain/attempt/refusal.ts'
import { isOfWave, isOpen, type Opening } from '#shared/domain/fleet/fuse.ts'
import type { ErrorCode } from '#shared/domain/values/errors.ts'
import type { Fuse } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { repeated, type Time } from '../time.ts'

/** A session that waits. */
export type Waiting = {
  readonly code: ErrorCode
  /** Called when it may try. */
  readonly wake: () => void
  /**
   * Epoch ms at which it was refused, for a session that has found a place at the fuse: it has a time of its own to log
   * in, and tries here only if its refusal was one of the wave that opened the fuse.
   */
  readonly refusedAt?: number
}

export type Recovery = {
  /** True when the ended session of the company may try now. */
  mayTry(companyId: string): boolean
  /** The session tries: it must wait for its next turn before it may try once more. */
  tried(companyId: string): void
  /** Lets the company's ended session wait for its turn. Repeated calls change nothing. */
  wait(companyId: string, waiting: Waiting): void
  /** The company's session waits no more: it is open, reset, or another host's. */
  leave(companyId: string): void
  /** A session that had ended for this reason has connected: all others may try. */
  succeeded(code: ErrorCode): void
}

export type RecoveryDeps = {
  readonly time: Time
  readonly fuse: Pick<Fuse, 'openings' | 'close'>
  readonly log: Log
}

/** `triedAt`: epoch ms of its last try here. */
type Entry = Waiting & { readonly mayTry: boolean; readonly triedAt: number }
type Entries = Map<string, Entry>

/** Time between two tries of a reason, on each host. */
export const tryEveryMs = 60_000

/** Makes the recovery of a host. */
export function recovery(deps: RecoveryDeps): Recovery {
  const { time } = deps
  /** In the order of their turns: a session that has tried goes to the end. */
  const entries: Entries = new Map()
  const turns = turnsOf(entries, deps)
  let stopTimer = (): void => undefined

  return {
    mayTry: (companyId) => entries.get(companyId)?.mayTry ?? false,
    tried: (companyId) => {
      const entry = entries.get(companyId)
      if (entry) entries.set(companyId, { ...entry, mayTry: false, triedAt: time.now() })
    },
    wait: (companyId, waiting) => {
      const entry = entries.get(companyId)
      if (entry?.code === waiting.code && entry.refusedAt === waiting.refusedAt) return
      if (entries.size === 0) {
        stopTimer()
        stopTimer = repeated(time, tryEveryMs, turns.next)
      }
      entries.set(companyId, { ...waiting, mayTry: false, triedAt: Number.NEGATIVE_INFINITY })
    },
    leave: (companyId) => {
      entries.delete(companyId)
      if (entries.size === 0) stopTimer()
    },
    succeeded: turns.succeeded,
  }
}

/** Lets waiting sessions try: one per reason each minute, and all of a reason after the first success. */
function turnsOf(entries: Entries, { time, fuse, log }: RecoveryDeps) {
  /** Monotonic ms of the last recovery of each reason. */
  const recoveredAt = new Map<ErrorCode, number>()

  function letTry(companyId: string, entry: Entry): void {
    entries.delete(companyId)
    entries.set(companyId, { ...entry, mayTry: true })
    entry.wake()
  }

  /** Lets each refused session of a wave that is over try once. */
  function letRefusedFollow(wave: Opening): void {
    const { until } = wave
    if (until === undefined) return
    for (const [companyId, entry] of [...entries])
      if (entry.refusedAt !== undefined && isOfWave(wave, entry.refusedAt) && entry.triedAt < until)
        letTry(companyId, entry)
  }

  /** Returns the last wave of refusals, if one of the sessions here could have been part of it. */
  const lastWave = async () => ([...entries.values()].some(isRefused) ? (await fuse.openings()).refused : undefined)

  async function next(): Promise<void> {
    const wave = await lastWave()
    for (const [companyId, entry] of firstOfEach(entries, wave)) letTry(companyId, entry)
    if (wave) letRefusedFollow(wave)
  }

  async function recovered(code: ErrorCode): Promise<void> {
    const last = recoveredAt.get(code)
    const now = time.monotonic()
    if (last !== undefined && now - last < tryEveryMs) return
    recoveredAt.set(code, now)
    log.info('Sessions that had ended can connect again', { code })
    if (code !== beyondFuse) return
    await fuse.close()
    const wave = await lastWave()
    if (wave) letRefusedFollow(wave)
  }

  const onError = (error: unknown) => log.warn('Could not read or close the fuse, trying again in a minute', { error })
  return {
    next: () => void next().catch(onError),
    succeeded: (code: ErrorCode) => {
      for (const [companyId, entry] of [...entries])
        if (entry.code === code && !isRefused(entry)) letTry(companyId, entry)
      recovered(code).catch(onError)
    },
  }
}

const isRefused = ({ refusedAt }: Entry): boolean => refusedAt !== undefined

/** Returns the first session of each reason. A refused one counts only while the wave lasts in which it was refused. */
function firstOfEach(entries: Entries, wave: Opening | undefined): Iterable<readonly [string, Entry]> {
  const first = new Map<ErrorCode, readonly [string, Entry]>()
  for (const [companyId, entry] of entries) {
    const { code, refusedAt } = entry
    const isTried = refusedAt === undefined || (wave && isOpen(wave) && isOfWave(wave, refusedAt))
    if (isTried && !first.has(code)) first.set(code, [companyId, entry])
  }
  return first.values()
}
