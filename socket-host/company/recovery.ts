/**
 * Recovery of sessions that have ended for a reason that is not their accounts' (R45): WhatsApp refuses this version, it
 * ends more sessions than the fuse lets through, or this host can read no credentials. One of them tries again each
 * minute. The first that connects lets all others of the same reason follow, as fast as reconnects may.
 */
import { coalesce } from '#shared/async/coalesce.ts'
import type { SharedReason } from '#shared/domain/attempt/refusal.ts'
import { type FuseReason, isOfWave, isOpen, type Opening } from '#shared/domain/fleet/fuse.ts'
import type { Fuse } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { repeated, type Time } from '../time.ts'

/** A session that has ended and waits. */
export type EndedSession = {
  readonly reason: SharedReason
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
  /** Lets the company's ended session wait for its turn. A repeated call changes `wake` alone. */
  wait(companyId: string, session: EndedSession): void
  /** The company's session waits no more: it is open, reset, or another host's. */
  leave(companyId: string): void
  /** A session that had ended for this reason has connected: all others may try. */
  succeeded(reason: SharedReason): void
}

export type RecoveryDeps = {
  readonly time: Time
  readonly fuse: Pick<Fuse, 'openings' | 'close'>
  readonly log: Log
}

/** `triedAt`: epoch ms of its last try here. */
type Entry = EndedSession & { readonly mayTry: boolean; readonly triedAt: number }
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
    wait: (companyId, session) => {
      const entry = entries.get(companyId)
      const isSame = entry?.reason === session.reason && entry.refusedAt === session.refusedAt
      if (isSame) return void entries.set(companyId, { ...entry, wake: session.wake })
      if (entries.size === 0) {
        stopTimer()
        stopTimer = repeated(time, tryEveryMs, turns.next)
      }
      entries.set(companyId, { ...session, mayTry: false, triedAt: Number.NEGATIVE_INFINITY })
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
    // Sessions that have nothing to do with the fuse try whether or not it can be read.
    const wave = await lastWave().catch(onError)
    for (const [companyId, entry] of firstOfEach(entries, wave)) letTry(companyId, entry)
    if (wave) letRefusedFollow(wave)
  }

  const onError = (error: unknown): undefined => {
    log.warn('Could not read the fuse, trying again in a minute', { error })
    return undefined
  }
  const close = fuseCloser({ time, fuse, log }, async () => {
    const wave = await lastWave()
    if (wave) letRefusedFollow(wave)
  })
  return {
    next: () => void next().catch(onError),
    succeeded: (reason: SharedReason) => {
      const others = [...entries].filter(([, entry]) => entry.reason === reason && !isRefused(entry))
      if (others.length > 0) log.info('Sessions that had ended can connect again', { reason, sessions: others.length })
      for (const [companyId, entry] of others) letTry(companyId, entry)
      if (isFuse(reason)) close(reason)
    },
  }
}

/** Closes fuses whose sessions have connected, until it succeeds; then calls `onClosed`. */
function fuseCloser({ time, fuse, log }: RecoveryDeps, onClosed: () => Promise<void>): (reason: FuseReason) => void {
  const toClose = new Set<FuseReason>()
  const closing = coalesce(async () => {
    for (const reason of [...toClose]) {
      // Before the call: a success during it may be one after the fuse has opened again.
      toClose.delete(reason)
      await fuse.close(reason).catch((error: unknown) => {
        toClose.add(reason)
        throw error
      })
    }
    await onClosed()
  })
  const close = (): void =>
    void closing.request().catch((error: unknown) => {
      log.warn('Could not close the fuse, trying again in a minute', { error })
      time.after(tryEveryMs, close)
    })
  return (reason) => {
    toClose.add(reason)
    close()
  }
}

const isFuse = (reason: SharedReason): reason is FuseReason => reason === 'removed' || reason === 'refused'

const isRefused = ({ refusedAt }: Entry): boolean => refusedAt !== undefined

/** Returns the first session of each reason. A refused one counts only while the wave lasts in which it was refused. */
function firstOfEach(entries: Entries, wave: Opening | undefined): Iterable<readonly [string, Entry]> {
  const first = new Map<SharedReason, readonly [string, Entry]>()
  for (const [companyId, entry] of entries) {
    const { reason, refusedAt } = entry
    const isTried = refusedAt === undefined || (wave && isOpen(wave) && isOfWave(wave, refusedAt))
    if (isTried && !first.has(reason)) first.set(reason, [companyId, entry])
  }
  return first.values()
}
