/** The WhatsApp connection of stored credentials: opened, watched, and opened again as the table of closes says (R26). */
import { backOffMs, type Close, isUnexplained, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { errorSpec } from '#shared/domain/values/errors.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Credentials, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import type { SessionFacts } from './next-step.ts'
import type { Urgency } from './pacing.ts'
import { readCredentials, type StoredGeneration } from './read-credentials.ts'

/** A session that has been open this long has forgotten its failures; a shorter one is flapping. */
const settledMs = 60_000
/** A socket that says nothing for so long hangs (R41); the longest bring-up known takes 90 s. */
const hangsAfterMs = 120_000

export type LinkedSession = SessionFacts & {
  /** Cuts a back-off short, or the wait among other reconnects: somebody is waiting for the session. */
  hurry(): void
  /** Gives the open socket away, for the device to be unlinked on it; the session is over. */
  takeSocket(): WhatsAppSocket | undefined
  close(): Promise<void>
  /** Waits until everything that was to be stored is stored. */
  flush(): Promise<void>
}

/** Keeps the session of a generation connected. `credentials` are those of a link that has just been installed. */
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
        log.warn('session could not be brought up', { ...about, error })
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

  /** Its events count no more, but only when it is gone may another socket open with the same credentials. */
  function onHang(hanging: WhatsAppSocket): void {
    socket = undefined
    const next = () => {
      if (!isOver) onClosed({ reason: 'lost', detail: 'nothing heard while opening' })
    }
    hanging.close().then(next, (error: unknown) => {
      log.warn('closing a hanging socket failed', { ...about, error })
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
    log[level]('session closed', { ...about, close, verdict: verdict.do })
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

  function leave(): WhatsAppSocket | undefined {
    const left = socket
    isOver = true
    socket = undefined
    facts.isOpen = false
    stopTimer()
    leaveQueue()
    return left
  }

  connect(linked ? 'restart' : 'reconnect')
  return Object.assign(facts, {
    hurry: () => {
      if (waitsFor && !isOver) connect('restart')
    },
    takeSocket: () => (facts.isOpen ? leave() : undefined),
    close: async () => leave()?.close(),
    flush: async () => credentials?.flush(),
  })
}
