/** Keeps the WhatsApp connection of stored credentials open, and reopens it as the table of closes says (R26). */
import { backOffMs, type Close, isUnexplained, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { errorSpec } from '#shared/domain/values/errors.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Credentials, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import type { SessionFacts } from './next-step.ts'
import type { Urgency } from './pacing.ts'
import { readCredentials, type StoredGeneration } from './read-credentials.ts'

/** A session that has been open this long starts its back-off anew; one that closes sooner is flapping. */
const settledMs = 60_000
/** Longest time that a socket may take to open; after that it hangs (R41). The longest bring-up known takes 90 s. */
const hangsAfterMs = 120_000

export type LinkedSession = {
  /** Returns a snapshot of what the session has come to. */
  facts(): SessionFacts
  /** Ends a back-off, or the wait among other reconnects, because an owner is waiting for the session. */
  hurry(): void
  /** If a socket is open, ends the session and returns it, to unlink the device on it; otherwise changes nothing. */
  takeSocket(): WhatsAppSocket | undefined
  /** Ends the session and closes its socket. */
  close(): Promise<void>
  /** Waits until all pending writes of credentials are done; rejects when one could not be done. */
  flush(): Promise<void>
}

/**
 * Opens the session of a generation and reopens it whenever it closes, until it is closed from here or cannot go on.
 * `linked` are the credentials of a link that has just been committed; without them the stored ones are read.
 * `onChange` is called whenever a fact has changed.
 */
export function keepSession(
  deps: CompanyDeps,
  lease: OwnedLease,
  stored: StoredGeneration,
  linked: Credentials | undefined,
  onChange: () => void,
): LinkedSession {
  const { time, log } = deps
  const about = { companyId: stored.companyId, generation: stored.generation }
  const facts: { -readonly [K in keyof SessionFacts]: SessionFacts[K] } = {
    generation: stored.generation,
    isOpen: false,
    end: undefined,
    lastCode: undefined,
  }
  let credentials = linked
  let socket: WhatsAppSocket | undefined
  let isOver = false
  let failures = 0
  let openSince: number | undefined
  let leaveQueue = (): void => undefined
  let stopTimer = (): void => undefined
  let waitsFor: 'backOff' | 'turn' | undefined

  function connect(urgency: Urgency): void {
    waitsFor = urgency === 'reconnect' ? 'turn' : undefined
    stopTimer()
    leaveQueue()
    leaveQueue = deps.pacing.enter(urgency, () => {
      waitsFor = undefined
      bringUp().catch((error: unknown) => {
        log.warn('Could not open the session', { ...about, error })
        if (isOver) return
        facts.lastCode = error instanceof StoreUnavailable ? 'STORE_UNAVAILABLE' : 'INTERNAL'
        retry(failures++)
        onChange()
      })
    })
  }

  async function bringUp(): Promise<void> {
    const read = credentials ?? (await readCredentials(deps, lease, stored))
    if (isOver || typeof read === 'string') {
      leaveQueue()
      if (read === 'unreadable') facts.end = read
      onChange()
      return
    }
    credentials = read
    const opened = deps.whatsApp.open(read, (event) => {
      if (socket !== opened) return
      if (event.type === 'opened') onOpened()
      if (event.type === 'closed') onClosed(event.close)
    })
    socket = opened
    stopTimer = time.after(hangsAfterMs, () => onHang(opened))
  }

  function onOpened(): void {
    stopTimer()
    leaveQueue()
    facts.isOpen = true
    openSince = time.monotonic()
    onChange()
  }

  /**
   * Closes a hanging socket and ignores its events. The next one opens only when it is gone: both have the same
   * credentials.
   */
  function onHang(hanging: WhatsAppSocket): void {
    socket = undefined
    const next = () => {
      if (!isOver) onClosed({ reason: 'lost', detail: 'nothing heard while opening' })
    }
    hanging.close().then(next, (error: unknown) => {
      log.warn('Could not close a hanging socket', { ...about, error })
      next()
    })
  }

  function onClosed(close: Close): void {
    stopTimer()
    leaveQueue()
    socket = undefined
    facts.isOpen = false
    if (openSince !== undefined && time.monotonic() - openSince >= settledMs) failures = 0
    openSince = undefined
    const verdict = sessionVerdicts[close.reason]
    facts.lastCode = verdict.code
    const level = isUnexplained(close.reason) ? 'error' : errorSpec(verdict.code).level
    log[level]('Session closed', { ...about, close, verdict: verdict.do })
    switch (verdict.do) {
      case 'restart':
        if (failures++ === 0) connect('restart')
        else retry(failures)
        break
      case 'retryIfOwner':
        if (lease.isOwner()) retry(failures++)
        break
      case 'retry':
        retry(failures++)
        break
      case 'stop':
      case 'retire':
        facts.end = { code: verdict.code, retire: verdict.do === 'retire' }
    }
    onChange()
  }

  function retry(failed: number): void {
    leaveQueue()
    waitsFor = 'backOff'
    stopTimer = time.after(backOffMs(failed, deps.random()), () => connect('reconnect'))
  }

  /** Ends the session and returns the socket that is still to be closed. */
  function end(): WhatsAppSocket | undefined {
    const last = socket
    isOver = true
    socket = undefined
    facts.isOpen = false
    stopTimer()
    leaveQueue()
    return last
  }

  connect(linked ? 'restart' : 'reconnect')
  return {
    facts: () => ({ ...facts }),
    hurry: () => {
      if (waitsFor && !isOver) connect('restart')
    },
    takeSocket: () => (facts.isOpen ? end() : undefined),
    close: async () => end()?.close(),
    flush: async () => credentials?.flush(),
  }
}
