/** Readings of one frame that a pairing depends on. */
import type { Frame } from './pair-display.ts'
import { type Facts, statusId } from './pairing-facts.ts'

/** Exit codes of the events that end the attempt. */
const exitCodes: Readonly<Record<string, number>> = {
  'whatsapp-connected': 0,
  'pairing-cancelled': 130,
  'pairing-code-error': 1,
  error: 1,
}

/** Returns the exit code of a frame that ends the attempt; otherwise undefined. */
export const exitCodeOf = ({ event }: Frame): number | undefined => exitCodes[event ?? '']

/** Returns the code or the QR of a frame. */
export const onScreen = (frame: Frame): unknown =>
  frame.event === 'pairing-code' ? frame['code'] : frame.event === 'qr' ? frame['qr'] : undefined

/**
 * Returns the seconds until the next event is due, by the server's own clock; undefined when the frame has no such
 * time.
 */
export function secondsLeft({ at, deadline, expiresIn }: Frame): number | undefined {
  if (typeof expiresIn === 'number') return expiresIn
  const left = (Date.parse(String(deadline)) - Date.parse(String(at))) / 1000
  return Number.isNaN(left) ? undefined : left
}

/** True when a frame must change nothing. `facts` are those after the frame. */
export function isIgnored(facts: Facts, frame: Frame): boolean {
  const { event, seq, requestId, retryable } = frame
  // API Gateway's own messages answer no request, such as the one about too many messages of all clients.
  const isOfGateway = event === undefined
  const isStale = event === 'status' && Number(seq) < facts.lastSeq
  // The store may be unavailable for a moment while the attempt goes on.
  const isFailedStatus = event === 'error' && requestId === statusId && retryable === true && facts.started
  const isOthersEnd = exitCodeOf(frame) !== undefined && !isOurs(facts, frame)
  return isOfGateway || isStale || Boolean(isFailedStatus) || isOthersEnd
}

/**
 * True when an event belongs to this attempt. Another event of the company must not end the command with a wrong
 * result.
 */
function isOurs({ request, started }: Facts, { event, attemptId, requestId }: Frame): boolean {
  if (requestId === request.requestId || (started && attemptId === started.attemptId)) return true
  return attemptId === undefined && event !== 'whatsapp-connected'
}
