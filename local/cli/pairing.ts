/** One pairing, as a client of the WebSocket API goes through it: what gets lost on the way is asked for. */
import type { Timer } from '#shared/async/time-limit.ts'
import { keepConnected } from './connection.ts'
import { countdownLine } from './countdown-line.ts'
import { usualPatience, whenOverdue } from './overdue.ts'
import { type Frame, linesFor } from './pair-display.ts'
import { type Known, standingOf } from './pairing-status.ts'

export type PairingRequest = { readonly requestId: string; readonly phoneNumber?: string; readonly action: string }

export type Pairing = {
  /** Of the WebSocket API, with the token. */
  readonly url: string
  readonly request: PairingRequest
  /** Does what the owner would do with the code or the QR. */
  readonly play?: ((frame: Frame) => Promise<void>) | undefined
  readonly print?: (line: string) => void
  /** The timer for what is overdue. */
  readonly after?: Timer
}

const cancelWithinMs = 3000
/** The request is sent so often at most while nothing answers it: a server that is away is told to the user, not asked for ever. */
const maxRequests = 3
const statusId = 'status'

/** Events that end the attempt, and the exit code of each. */
const exitCodes: Readonly<Record<string, number>> = {
  'whatsapp-connected': 0,
  'pairing-cancelled': 130,
  'pairing-code-error': 1,
  error: 1,
}

/** Asks, prints what comes, and resolves with the exit code. After a reconnect it resumes the attempt (R21). */
export function pair({ url, request, play, print = console.log, after }: Pairing): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = countdownLine(print)
  const overdue = whenOverdue(askAgain, usualPatience, after)
  let unansweredRequests = 0
  let isAsked = false
  let isResuming = false
  let isCancelled = false
  let started: Known | undefined
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
  /** Not before the request is answered: on its way to the server a cancel could overtake it. */
  const sendCancel = () => !started || connection.send({ action: 'cancel-pairing' })
  const giveUp = () => {
    print('The cancellation was not confirmed. The code lapses by itself.')
    finish(130)
  }
  function cancel(): void {
    const isAgain = isCancelled
    const wasRequested = started || unansweredRequests > 0
    isCancelled = true
    if (isAgain || !wasRequested) {
      finish(130)
      return
    }
    timer.stop()
    print('Cancelling …')
    if (sendCancel()) setTimeout(giveUp, cancelWithinMs).unref()
    else giveUp()
  }

  function askStatus(): void {
    isAsked = connection.send({ action: 'get-status', requestId: statusId })
  }
  /** A connection on which nothing comes back may be dead without knowing it. */
  function askAgain(): void {
    if (isAsked) connection.renew()
    else askStatus()
  }
  /** Sent again, it is the same request: it gets the attempt that it has started, and its code. */
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

  /** Whichever answer to the request comes first: `pairing-started` may be the one that got lost. */
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
  /** Once on screen it stays there, whichever of push and status comes second. */
  function showOnce(frame: Frame): void {
    if (onScreen(frame) === undefined || onScreen(frame) !== shown) {
      show(frame)
      return
    }
    if (frame.event === 'pairing-code') timer.start(Number(frame['expiresIn']))
    overdue.expectIn(secondsLeft(frame))
  }
  function takeStatus(status: Frame): void {
    const standing = started && standingOf(status, started)
    // A request that was not answered was lost; on a new connection one whose attempt has ended meanwhile is made again.
    if (!standing || (standing.kind === 'gone' && isResuming)) {
      sendRequest()
    } else if (standing.kind === 'running') {
      showOnce({ ...standing.attempt, event: eventOf(standing.attempt) })
    } else {
      printAll(standing.lines)
      finish(standing.exitCode)
    }
    isResuming = false
  }
  /** Other events of the company do not end this attempt: taken for its own, they would end the command with a wrong result. */
  function isOurs({ event, attemptId, requestId }: Frame): boolean {
    if (requestId === request.requestId || (started && attemptId === started.attemptId)) return true
    return attemptId === undefined && event !== 'whatsapp-connected'
  }
  function takeFrame(frame: Frame): void {
    const { event, seq, requestId, retryable } = frame
    isAsked = false
    noteStart(frame)
    const isStale = event === 'status' && Number(seq) < lastSeq
    lastSeq = Math.max(lastSeq, Number(seq) || 0)
    // The store may be away for a moment, and the attempt well.
    const isNoAnswer = event === 'error' && requestId === statusId && retryable === true && started
    const isOthersEnd = exitCodes[event ?? ''] !== undefined && !isOurs(frame)
    if (isStale || isNoAnswer || isOthersEnd) return
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
      isAsked = false
      print('Connection lost, reconnecting … (Ctrl-C gives up)')
    },
  })
  process.on('SIGINT', cancel)
  return promise
}

/** The code or the QR that a frame shows. */
const onScreen = (frame: Frame): unknown =>
  frame.event === 'pairing-code' ? frame['code'] : frame.event === 'qr' ? frame['qr'] : undefined

/** The event that would have told of an attempt in this state; a state without a code has nothing to show. */
const eventOf = (attempt: Frame): string => (attempt['code'] ? 'pairing-code' : attempt['qr'] ? 'qr' : 'status')

/** Seconds after which the next news are due, by the server's own clock. */
function secondsLeft({ at, deadline, expiresIn }: Frame): number | undefined {
  if (typeof expiresIn === 'number') return expiresIn
  const left = (Date.parse(String(deadline)) - Date.parse(String(at))) / 1000
  return Number.isNaN(left) ? undefined : left
}
