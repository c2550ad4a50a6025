/** Decides what a client does in one pairing. Pure, so that it can be tested without a server and without time. */
import { type Frame, linesFor } from './pair-display.ts'
import { type Facts, noteFrame, statusId } from './pairing-facts.ts'
import { exitCodeOf, isIgnored, onScreen, secondsLeft } from './pairing-frame.ts'
import { attemptStatus } from './pairing-status.ts'

export type PairingEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'lost' }
  | { readonly type: 'frame'; readonly frame: Frame }
  /** Emitted when no frame has come by the time of `expect`. */
  | { readonly type: 'overdue' }
  /** Emitted when the user presses Ctrl-C. */
  | { readonly type: 'interrupted' }
  /** Emitted when the time of `limit-cancel` is over. */
  | { readonly type: 'cancel-overdue' }

export type Effect =
  | { readonly do: 'print'; readonly lines: readonly string[] }
  | { readonly do: 'send'; readonly message: object }
  /** Replaces the connection. */
  | { readonly do: 'renew' }
  /** Expects a frame in the given number of seconds; without a number, soon. */
  | { readonly do: 'expect'; readonly seconds?: number | undefined }
  | { readonly do: 'expect-nothing' }
  /** Starts the countdown, unless it is running. */
  | { readonly do: 'count-down'; readonly seconds: number }
  | { readonly do: 'stop-countdown' }
  /** Types the code or scans the QR, in place of the owner. */
  | { readonly do: 'play'; readonly frame: Frame }
  /** Limits the wait for the confirmation of a cancel. */
  | { readonly do: 'limit-cancel' }
  | { readonly do: 'finish'; readonly exitCode: number }

export type Reaction = { readonly facts: Facts; readonly effects: readonly Effect[] }

/**
 * Number of times that an unanswered request is sent. After that the command ends with an error instead of trying for
 * ever.
 */
const maxRequests = 3

/** Returns the facts after an event, and the effects to carry out in their order. */
export function react(facts: Facts, event: PairingEvent): Reaction {
  switch (event.type) {
    case 'opened':
      return followedBy(askStatus({ ...facts, isConnected: true, isResuming: true, lastSeq: 0 }), { do: 'expect' })
    case 'lost':
      return {
        facts: { ...facts, isConnected: false, isStatusPending: false },
        effects: [
          { do: 'stop-countdown' },
          { do: 'expect-nothing' },
          print('Connection lost, reconnecting … (Ctrl-C gives up)'),
        ],
      }
    case 'frame':
      return takeFrame(facts, event.frame)
    case 'overdue':
      // The last question was not answered, so the connection may be dead.
      return facts.isStatusPending ? { facts, effects: [{ do: 'renew' }] } : askStatus(facts)
    case 'interrupted':
      return cancel(facts)
    case 'cancel-overdue':
      return { facts, effects: giveUp }
  }
}

const print = (...lines: readonly string[]): Effect => ({ do: 'print', lines })
const finish = ({ isCancelled }: Facts, exitCode: number): Effect => ({
  do: 'finish',
  exitCode: isCancelled ? 130 : exitCode,
})
const sendCancel: Effect = { do: 'send', message: { action: 'cancel-pairing' } }
const giveUp: readonly Effect[] = [
  print('The cancellation was not confirmed. The code expires by itself.'),
  { do: 'finish', exitCode: 130 },
]
const followedBy = ({ facts, effects }: Reaction, ...more: readonly Effect[]): Reaction => ({
  facts,
  effects: [...effects, ...more],
})

function askStatus(facts: Facts): Reaction {
  const message = { action: 'get-status', requestId: statusId }
  return { facts: { ...facts, isStatusPending: true }, effects: [{ do: 'send', message }] }
}

/** Sends the request. Repeating it is harmless: the server answers with the attempt that it has started, and its code. */
function sendRequest(facts: Facts): Reaction {
  if (facts.unansweredRequests === maxRequests) {
    const reason = print('The server does not answer the request. Run the command again.')
    return { facts, effects: [reason, finish(facts, 1)] }
  }
  return {
    facts: { ...facts, started: undefined, unansweredRequests: facts.unansweredRequests + 1 },
    effects: [{ do: 'send', message: facts.request }, { do: 'expect' }],
  }
}

function cancel(before: Facts): Reaction {
  const facts = { ...before, isCancelled: true }
  const { started, isConnected } = facts
  const isRequested = started !== undefined || facts.unansweredRequests > 0
  if (before.isCancelled || !isRequested) return { facts, effects: [finish(facts, 130)] }
  const cancelling: Reaction = { facts, effects: [{ do: 'stop-countdown' }, print('Cancelling …')] }
  // An unanswered request is cancelled when it is answered: before that, the cancel could overtake it.
  if (!started) return followedBy(cancelling, { do: 'limit-cancel' })
  return isConnected ? followedBy(cancelling, sendCancel, { do: 'limit-cancel' }) : followedBy(cancelling, ...giveUp)
}

function takeFrame(before: Facts, frame: Frame): Reaction {
  const facts = noteFrame(before, frame)
  const isCancelDue = facts.isCancelled && facts.started !== before.started
  const { effects, facts: next } = isIgnored(facts, frame)
    ? { facts, effects: [] }
    : frame.event === 'status'
      ? takeStatus(facts, frame)
      : show(facts, frame)
  return { facts: next, effects: isCancelDue ? [sendCancel, ...effects] : effects }
}

function takeStatus(before: Facts, status: Frame): Reaction {
  const facts = { ...before, isResuming: false }
  const found = facts.started && attemptStatus(status, facts.started)
  // An unanswered request was lost. After a reconnect, a request whose attempt has ended meanwhile is sent again, too.
  if (!found || (found.kind === 'gone' && before.isResuming)) return sendRequest(facts)
  if (found.kind === 'running') return show(facts, found.frame)
  return { facts, effects: [print(...found.lines), finish(facts, found.exitCode)] }
}

/** Shows a frame. A code or QR that is on screen already is not shown again: both a push and a status can bring it. */
function show(facts: Facts, frame: Frame): Reaction {
  const content = onScreen(frame)
  const exitCode = exitCodeOf(frame)
  const phoneNumber = facts.started?.phone ?? facts.request.phoneNumber
  const expect: Effect = { do: 'expect', seconds: secondsLeft(frame) }
  const countDown: Effect[] =
    frame.event === 'pairing-code' ? [{ do: 'count-down', seconds: Number(frame['expiresIn']) }] : []
  if (content !== undefined && content === facts.shown) return { facts, effects: [...countDown, expect] }
  const play: Effect[] = content === undefined ? [] : [{ do: 'play', frame: { phoneNumber, ...frame } }]
  const end: Effect[] = exitCode === undefined ? [] : [finish(facts, exitCode)]
  return {
    facts: content === undefined ? facts : { ...facts, shown: content },
    effects: [{ do: 'stop-countdown' }, print(...linesFor(frame)), expect, ...countDown, ...play, ...end],
  }
}
