/** Invariants of a company after every decision, whatever was decided before. */
import { isDeepStrictEqual } from 'node:util'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import type { CompanyEvent, CompanyState, Notice, RetireReason } from '#shared/domain/company/company.ts'

/** Record of earlier decisions, needed to check the next one. */
export type Memory = {
  readonly retired: Set<string>
  readonly endedAttempts: Set<string>
  /** Requests by id: their answers, and the attempt for which they wait. */
  readonly requests: Map<string, { readonly kind: string; readonly attemptId?: string; readonly answers: string[] }>
}

export const freshMemory = (): Memory => ({ retired: new Set(), endedAttempts: new Set(), requests: new Map() })

export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(rule)
}

/**
 * Allowed reasons for the end of a stored link, by command: these and no others (R45). A link that has not connected yet
 * is undone by a reset, a cancel, and another phone (R11).
 */
const mayRetire: Readonly<Record<string, readonly RetireReason[]>> = {
  reset: ['reset', 'attempt-ended'],
  issue: ['phone-change'],
  commitLink: ['phone-change', 'replaced'],
  ended: ['logged-out'],
  request: ['attempt-ended'],
  cancel: ['attempt-ended'],
}

export function checkState(before: CompanyState, after: CompanyState, command: string, memory: Memory): void {
  must(after.fence >= before.fence, 'the fence never decreases')
  must(after.epoch >= before.epoch, 'the epoch never decreases')
  must(isDeepStrictEqual(JSON.parse(JSON.stringify(after)), after), 'the state has no value undefined')
  checkGenerations(before, after, command, memory)
  checkKeys(after)
  checkAttempt(before, after, memory)
}

function checkGenerations(before: CompanyState, after: CompanyState, command: string, memory: Memory): void {
  const previous = before.credentials?.generation
  const current = after.credentials?.generation
  if (previous !== undefined && previous !== current) {
    const entry = after.cleanup.find(({ generation }) => generation === previous)
    must(entry !== undefined, 'credentials leave only through the clean-up list')
    must(mayRetire[command]?.includes(entry.reason) ?? false, `${command} may not retire as ${entry.reason}`)
    const wasLinking = before.attempt?.state === 'restarting'
    must(entry.reason !== 'attempt-ended' || wasLinking, 'only a fresh link ends with its attempt')
    memory.retired.add(previous)
  }
  const recorded = recordedIn(before)
  if (recorded !== undefined && recorded !== current && recorded !== recordedIn(after)) {
    must(
      after.cleanup.some(({ generation }) => generation === recorded),
      'a recorded link leaves only by becoming current, or through the clean-up list',
    )
    memory.retired.add(recorded)
  }
  must(current === undefined || !memory.retired.has(current), 'a retired generation never becomes current again')
}

const recordedIn = ({ attempt }: CompanyState): string | undefined =>
  attempt?.state === 'storing' ? attempt.link.generation : undefined

function checkKeys(state: CompanyState): void {
  const text = JSON.stringify(state)
  const pending = state.cleanup.filter(({ unlink }) => unlink === 'pending').map(({ generation }) => generation)
  const readable = [...pending, state.credentials?.generation, recordedIn(state)].filter((name) => name !== undefined)
  for (const generation of readable)
    must(text.split(`key-of-${generation}`).length === 2, `the key of ${generation} is in exactly one place`)
  must(text.split('key-of-').length - 1 === readable.length, 'no key outlives its unlinking')
}

function checkAttempt(before: CompanyState, { attempt, credentials, fence }: CompanyState, memory: Memory): void {
  if (before.attempt && before.attempt.attemptId !== attempt?.attemptId)
    memory.endedAttempts.add(before.attempt.attemptId)
  if (!attempt) return
  must(!memory.endedAttempts.has(attempt.attemptId), 'an attempt that has ended never runs again')
  must(attempt.fence <= fence, 'no attempt is ahead of the fence')
  must(attempt.state !== 'restarting' || credentials !== undefined, 'an attempt that restarts has stored credentials')
}

const pairingAnswers: readonly CompanyEvent['event'][] = [
  'pairing-code',
  'qr',
  'pairing-code-error',
  'whatsapp-connected',
]
const eventsOf: Readonly<Record<string, readonly CompanyEvent['event'][]>> = {
  pair: ['pairing-started', 'pairing-progress', ...pairingAnswers],
  cancel: ['pairing-cancelled'],
  reset: ['credentials-reset'],
}

export function remember(memory: Memory, request: Waiting, attemptId: string | undefined): void {
  const id = request.requestId ?? ''
  const kind = id.split('-')[0] ?? ''
  memory.requests.set(id, { kind, answers: [], ...(kind === 'pair' && attemptId && { attemptId }) })
}

/** Each request gets only events that answer it, and one final answer; a code or QR may be followed by its outcome. */
export function checkNotices(notices: readonly Notice[], memory: Memory): void {
  for (const { event, waiting } of notices) {
    for (const { requestId } of waiting) {
      const request = memory.requests.get(requestId ?? '')
      must(request !== undefined, `${event.event} is addressed to a request that was never made`)
      must(eventsOf[request.kind]?.includes(event.event) ?? false, `${event.event} answers no ${request.kind} request`)
      if (request.kind === 'pair' && !pairingAnswers.includes(event.event)) continue
      const [first] = request.answers
      must(
        first === undefined || first === 'pairing-code' || first === 'qr',
        `${requestId} was answered with ${first}, and then with ${event.event}`,
      )
      request.answers.push(event.event)
    }
  }
}

/** Requests whose attempt has ended must have an answer. `isSettled`: all requests must have one. */
export function checkAnswers({ attempt, cleanup }: CompanyState, memory: Memory, isSettled: boolean): void {
  const waits = new Set(cleanup.flatMap(({ waiting }) => waiting ?? []).map(({ requestId }) => requestId))
  for (const [id, { kind, attemptId, answers }] of memory.requests) {
    const isOver = kind === 'pair' ? attempt?.attemptId !== attemptId : !waits.has(id)
    if (isOver || isSettled) must(answers.length > 0, `${id} was never answered`)
  }
}
