/**
 * Keeps the WhatsApp connection of stored credentials open (R26). `session-facts.ts` decides what an event means; this
 * file does what the phase calls for.
 */
import { backOffMs, type Close, isUnexplained, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { errorSpec } from '#shared/domain/values/errors.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { Credentials, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import type { Leave } from './pacing.ts'
import { readCredentials, type StoredGeneration } from './read-credentials.ts'
import { afterSessionEvent, newSession, type SessionEvent, type SessionFacts } from './session-facts.ts'

/** Longest time that a socket may take to open; after that it hangs (R41). The longest bring-up known takes 90 s. */
const hangsAfterMs = 120_000

/** Time from a refusal to the login that confirms it (R46). */
const confirmMs = { min: 5_000, spread: 10_000 } as const

export type LinkedSession = {
  facts(): SessionFacts
  /** Ends a back-off, or the wait among other reconnects, because an owner is waiting for the session. */
  hurry(): void
  /** If the session is open, ends it and returns its socket, to unlink the device on it; otherwise changes nothing. */
  takeSocket(): WhatsAppSocket | undefined
  /** Ends the session and closes its socket. */
  close(): Promise<void>
  /** Waits until all pending writes of credentials are done; rejects when one could not be done. */
  flush(): Promise<void>
}

/**
 * Opens the session of a generation and reopens it whenever it closes, until it is closed from here or cannot go on.
 * `linked` are the credentials of a link that has just been committed; without them the stored ones are read.
 * `onChange` is called whenever an open session has closed or another one has opened, when it has ended, and when it
 * failed to open for another reason than before.
 */
export function keepSession(
  deps: CompanyDeps,
  lease: OwnedLease,
  stored: StoredGeneration,
  linked: Credentials | undefined,
  onChange: () => void,
): LinkedSession {
  let facts = newSession(stored.generation, linked ? 'restart' : 'reconnect')
  const connection = sessionConnection(deps, lease, stored, linked, on)

  function on(event: SessionEvent): void {
    const before = facts
    facts = afterSessionEvent(before, event, deps.time.monotonic())
    if (facts.phase === before.phase) return
    if (event.type === 'closed') logClose(deps.log, stored, event.close)
    connection.enter(facts)
    if (isNews(before, facts)) onChange()
  }

  /** Ends the session and returns the socket that is still to be closed. */
  function leave(): WhatsAppSocket | undefined {
    const last = connection.socket()
    on({ type: 'left' })
    return last
  }

  connection.enter(facts)
  return {
    facts: () => facts,
    hurry: () => on({ type: 'hurried' }),
    takeSocket: () => (facts.phase.is === 'open' ? leave() : undefined),
    close: async () => {
      await Promise.all([leave()?.close(), connection.hangingClosed()])
    },
    flush: connection.flush,
  }
}

type SessionConnection = {
  /** Starts what the phase calls for, and ends what it does not. */
  enter(facts: SessionFacts): void
  /** Returns the socket that opens or is open. */
  socket(): WhatsAppSocket | undefined
  /** Resolves when the last socket that hung is gone. */
  hangingClosed(): Promise<void>
  flush(): Promise<void>
}

/** Makes the timers, the place in the queue, the credentials and the socket of a session. They report with `on`. */
function sessionConnection(
  deps: CompanyDeps,
  lease: OwnedLease,
  stored: StoredGeneration,
  linked: Credentials | undefined,
  on: (event: SessionEvent) => void,
): SessionConnection {
  const { time, log } = deps
  let credentials = linked
  let socket: WhatsAppSocket | undefined
  let closing: Promise<void> = Promise.resolve()
  let leaveQueue: Leave = () => undefined
  let stopTimer = (): void => undefined

  function enter({ phase, failures }: SessionFacts): void {
    const last = socket
    stopTimer()
    if (phase.is !== 'loading' && phase.is !== 'opening') leaveQueue(phase.is === 'open' ? 'served' : undefined)
    if (phase.is !== 'opening' && phase.is !== 'open') socket = undefined
    if (phase.is === 'queued') leaveQueue = deps.pacing.enter(phase.urgency, () => on({ type: 'turn' }))
    if (phase.is === 'loading') load().catch((error: unknown) => on(failureToOpen(log, stored, error)))
    if (phase.is === 'opening' && credentials) open(credentials)
    if (phase.is === 'hanging' && last) closing = closeHanging(last)
    if (phase.is === 'backingOff')
      stopTimer = time.after(backOffMs(failures - 1, deps.random()), () => on({ type: 'backOffOver' }))
    if (phase.is === 'confirming')
      stopTimer = time.after(confirmMs.min + confirmMs.spread * deps.random(), () => on({ type: 'backOffOver' }))
  }

  async function load(): Promise<void> {
    const read = credentials ?? (await readCredentials(deps, lease, stored))
    if (typeof read === 'object') await deps.whatsApp.prepare(read)
    if (!lease.isOwner()) return on({ type: 'fenced', isOwner: false })
    if (read === 'fenced') return on({ type: read, isOwner: lease.isOwner() })
    if (typeof read === 'string') return on({ type: read })
    credentials = read
    on({ type: 'loaded' })
  }

  function open(from: Credentials): void {
    const opened = deps.whatsApp.open(from, (event) => {
      if (socket !== opened) return
      if (event.type === 'opened') on({ type: 'opened' })
      if (event.type === 'closed') onClosed(event.close)
    })
    socket = opened
    stopTimer = time.after(hangsAfterMs, () => on({ type: 'timedOut' }))
  }

  const onClosed = (close: Close) => on({ type: 'closed', close, isOwner: lease.isOwner() })

  /** The next socket has the same credentials, so it opens only when this one is gone. */
  async function closeHanging(hanging: WhatsAppSocket): Promise<void> {
    const failed = (error: unknown) => log.warn('Could not close a hanging socket', { ...aboutOf(stored), error })
    await hanging.close().catch(failed)
    onClosed({ reason: 'lost', detail: 'nothing heard while opening' })
  }

  return { enter, socket: () => socket, hangingClosed: () => closing, flush: async () => credentials?.flush() }
}

/** True when the company must be looked at again: the session has opened or closed, ended, or has a new reason. */
function isNews(before: SessionFacts, now: SessionFacts): boolean {
  if (now.phase.is === 'left') return false
  const isOpen = ({ phase }: SessionFacts) => phase.is === 'open'
  return isOpen(now) !== isOpen(before) || now.phase.is === 'ended' || now.lastCode !== before.lastCode
}

const aboutOf = ({ companyId, generation }: StoredGeneration) => ({ companyId, generation })

function failureToOpen(log: Log, stored: StoredGeneration, error: unknown): SessionEvent {
  log.warn('Could not open the session', { ...aboutOf(stored), error })
  return { type: 'failed', code: error instanceof StoreUnavailable ? 'STORE_UNAVAILABLE' : 'INTERNAL' }
}

function logClose(log: Log, stored: StoredGeneration, close: Close): void {
  const verdict = sessionVerdicts[close.reason]
  const level = isUnexplained(close.reason) ? 'error' : errorSpec(verdict.code).level
  log[level]('Session closed', { ...aboutOf(stored), close, verdict: verdict.do })
}
