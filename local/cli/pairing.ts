/** One pairing, as a client of the WebSocket API sees it. The client asks for the status when events got lost. */
import type { Timer } from '#shared/async/time-limit.ts'
import { keepConnected } from './connection.ts'
import { countdownLine } from './countdown-line.ts'
import { defaultOverdueTimes, whenOverdue } from './overdue.ts'
import { type Frame, linesFor } from './pair-display.ts'
import { attemptStatus, type KnownAttempt } from './pairing-status.ts'

export type PairingRequest = { readonly requestId: string; readonly phoneNumber?: string; readonly action: string }

export type Pairing = {
  /** URL of the WebSocket API, with the token. */
  readonly url: string
  readonly request: PairingRequest
  /** Types the code or scans the QR, in place of the owner. */
  readonly play?: ((frame: Frame) => Promise<void>) | undefined
  readonly print?: (line: string) => void
  /** Timer for overdue events. */
  readonly after?: Timer
}

const cancelTimeoutMs = 3000
/**
 * Number of times that an unanswered request is sent. After that the command ends with an error instead of trying for
 * ever.
 */
const maxRequests = 3
const statusId = 'status'

/** Exit codes of the events that end the attempt. */
const exitCodes: Readonly<Record<string, number>> = {
  'whatsapp-connected': 0,
  'pairing-cancelled': 130,
  'pairing-code-error': 1,
  error: 1,
}

/**
 * Sends the request, prints the events, and resolves with the exit code. After a reconnect it resumes the attempt
 * (R21).
 */
export function pair({ url, request, play, print = console.log, after }: Pairing): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = countdownLine(print)
  const overdue = whenOverdue(askAgain, defaultOverdueTimes, after)
  let unansweredRequests = 0
  let isStatusPending = false
  let isResuming = false
  let isCancelled = false
  let started: KnownAttempt | undefined
  let shown: unknown
  let lastSeq = 0

  const stop = () => {
    timer.stop()
    overdue.stop()
    connection.close()
    process.off('SIGINT', cancel)
  }
  const finish = (exitCode: number) => {
    stop()
    resolve(isCancelled ? 130 : exitCode)
  }
  const fail = (error: unknown) => {
    stop()
    reject(error)
  }
  const printAll = (lines: readonly string[]) => {
    for (const line of lines) print(line)
  }
  /** Sends the cancel once the request is answered: before that, the cancel could overtake the request. */
  const sendCancel = () => !started || connection.send({ action: 'cancel-pairing' })
  const giveUp = () => {
    print('The cancellation was not confirmed. The code expires by itself.')
    finish(130)
  }
  function cancel(): void {
    const isSecondSignal = isCancelled
    const wasRequested = started || unansweredRequests > 0
    isCancelled = true
    if (isSecondSignal || !wasRequested) {
      finish(130)
      return
    }
    timer.stop()
    print('Cancelling …')
    if (sendCancel()) setTimeout(giveUp, cancelTimeoutMs).unref()
    else giveUp()
  }

  function askStatus(): void {
    isStatusPending = connection.send({ action: 'get-status', requestId: statusId })
  }
  /** Asks for the status. If the last question was not answered, the connection may be dead and is replaced. */
  function askAgain(): void {
    if (isStatusPending) connection.renew()
    else askStatus()
  }
  /** Sends the request. Repeating it is harmless: the server answers with the attempt that it has started, and its code. */
  function sendRequest(): void {
    if (++unansweredRequests > maxRequests) {
      print('The server does not answer the request. Run the command again.')
      finish(1)
      return
    }
    started = undefined
    connection.send(request)
    overdue.expectIn()
  }

  /** Takes the attempt from the first answer to the request: `pairing-started` itself may have got lost. */
  function noteStart({ requestId, attemptId, phoneNumber }: Frame): void {
    if (started || requestId !== request.requestId || attemptId === undefined) return
    started = { attemptId, phone: phoneNumber }
    unansweredRequests = 0
    if (isCancelled) sendCancel()
  }
  function show(frame: Frame): void {
    timer.stop()
    printAll(linesFor(frame))
    overdue.expectIn(secondsLeft(frame))
    if (frame.event === 'pairing-code') timer.start(Number(frame['expiresIn']))
    if (onScreen(frame) !== undefined) {
      shown = onScreen(frame)
      play?.({ phoneNumber: started?.phone ?? request.phoneNumber, ...frame }).catch(fail)
    }
    const exitCode = exitCodes[frame.event ?? '']
    if (exitCode !== undefined) finish(exitCode)
  }
  /** Shows a frame unless its code or QR is already on screen: both a push and a status can bring it. */
  function showOnce(frame: Frame): void {
    if (onScreen(frame) === undefined || onScreen(frame) !== shown) {
      show(frame)
      return
    }
    if (frame.event === 'pairing-code') timer.start(Number(frame['expiresIn']))
    overdue.expectIn(secondsLeft(frame))
  }
  function takeStatus(status: Frame): void {
    const found = started && attemptStatus(status, started)
    // An unanswered request was lost. After a reconnect, a request whose attempt has ended meanwhile is sent again, too.
    if (!found || (found.kind === 'gone' && isResuming)) {
      sendRequest()
    } else if (found.kind === 'running') {
      showOnce({ ...found.attempt, event: eventOf(found.attempt) })
    } else {
      printAll(found.lines)
      finish(found.exitCode)
    }
    isResuming = false
  }
  /**
   * True when an event belongs to this attempt. Another event of the company must not end the command with a wrong
   * result.
   */
  function isOurs({ event, attemptId, requestId }: Frame): boolean {
    if (requestId === request.requestId || (started && attemptId === started.attemptId)) return true
    return attemptId === undefined && event !== 'whatsapp-connected'
  }
  function takeFrame(frame: Frame): void {
    const { event, seq, requestId, retryable } = frame
    isStatusPending = false
    noteStart(frame)
    const isStale = event === 'status' && Number(seq) < lastSeq
    lastSeq = Math.max(lastSeq, Number(seq) || 0)
    // The store may be unavailable for a moment while the attempt goes on.
    const isFailedStatus = event === 'error' && requestId === statusId && retryable === true && started
    const isOthersEnd = exitCodes[event ?? ''] !== undefined && !isOurs(frame)
    if (isStale || isFailedStatus || isOthersEnd) return
    if (event === 'status') takeStatus(frame)
    else showOnce(frame)
  }
  const connection = keepConnected(url, {
    onOpen: () => {
      isResuming = true
      lastSeq = 0
      askStatus()
      overdue.expectIn()
    },
    onFrame: takeFrame,
    onRefused: fail,
    onLost: () => {
      timer.stop()
      overdue.stop()
      isStatusPending = false
      print('Connection lost, reconnecting … (Ctrl-C gives up)')
    },
  })
  process.on('SIGINT', cancel)
  return promise
}

/** Returns the code or the QR of a frame. */
const onScreen = (frame: Frame): unknown =>
  frame.event === 'pairing-code' ? frame['code'] : frame.event === 'qr' ? frame['qr'] : undefined

/** Returns the event that shows an attempt in this state; `status`, which shows nothing, when it has no code and no QR. */
const eventOf = (attempt: Frame): string => (attempt['code'] ? 'pairing-code' : attempt['qr'] ? 'qr' : 'status')

/**
 * Returns the seconds until the next event is due, by the server's own clock; undefined when the frame has no such
 * time.
 */
function secondsLeft({ at, deadline, expiresIn }: Frame): number | undefined {
  if (typeof expiresIn === 'number') return expiresIn
  const left = (Date.parse(String(deadline)) - Date.parse(String(at))) / 1000
  return Number.isNaN(left) ? undefined : left
}
