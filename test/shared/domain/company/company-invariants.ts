/** What must hold after every decision about a company, whatever was decided before. */
import { isDeepStrictEqual } from 'node:util'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import type { CompanyEvent, CompanyState, Notice, RetireReason } from '#shared/domain/company/company.ts'

/** What is remembered in order to judge the next decision. */
export type Memory = {
  readonly retired: Set<string>
  readonly endedAttempts: Set<string>
  /** Requests by id: what they were answered, and for which attempt they wait. */
  readonly requests: Map<string, { readonly kind: string; readonly attemptId?: string; readonly answers: string[] }>
}

export const freshMemory = (): Memory => ({ retired: new Set(), endedAttempts: new Set(), requests: new Map() })

export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(rule)
}

/** Why credentials may leave, by command. An attempt that ends after its link takes the link along (R11). */
const mayRetire: Readonly<Record<string, readonly RetireReason[]>> = {
  reset: ['reset', 'attempt-ended'],
  accept: ['phone-change', 'stopped'],
  pairAfresh: ['logged-out', 'stopped'],
  install: ['phone-change'],
  ended: ['logged-out', 'attempt-ended'],
  unreadable: ['corrupt', 'attempt-ended'],
  request: ['attempt-ended'],
  cancel: ['attempt-ended'],
  fail: ['attempt-ended'],
  wait: ['attempt-ended'],
}

export function checkState(before: CompanyState, after: CompanyState, command: string, memory: Memory): void {
  must(after.fence >= before.fence, 'the fence never decreases')
  must(after.epoch >= before.epoch, 'the epoch never decreases')
  must(isDeepStrictEqual(JSON.parse(JSON.stringify(after)), after), 'undefined is no value of the state')
  checkGenerations(before, after, command, memory)
  checkKeys(after)
  checkAttempt(before, after, memory)
}

function checkGenerations(before: CompanyState, after: CompanyState, command: string, memory: Memory): void {
  const lost = before.credentials?.generation
  const current = after.credentials?.generation
  if (lost !== undefined && lost !== current) {
    const entry = after.cleanup.find(({ generation }) => generation === lost)
    must(entry !== undefined, 'credentials leave only through the clean-up list')
    must(mayRetire[command]?.includes(entry.reason) ?? false, `${command} may not retire as ${entry.reason}`)
    const wasLinking = before.attempt?.state === 'restarting'
    must(entry.reason !== 'attempt-ended' || wasLinking, 'only a fresh link ends with its attempt')
    memory.retired.add(lost)
  }
  const noted = notedIn(before)
  if (noted !== undefined && noted !== current && noted !== notedIn(after)) {
    must(
      after.cleanup.some(({ generation }) => generation === noted),
      'a noted link leaves only by being installed, or through the clean-up list',
    )
    memory.retired.add(noted)
  }
  must(current === undefined || !memory.retired.has(current), 'a retired generation never becomes current again')
}

const notedIn = ({ attempt }: CompanyState): string | undefined =>
  attempt?.state === 'storing' ? attempt.link.generation : undefined

function checkKeys(state: CompanyState): void {
  const text = JSON.stringify(state)
  const pending = state.cleanup.filter(({ unlink }) => unlink === 'pending').map(({ generation }) => generation)
  const readable = [...pending, state.credentials?.generation, notedIn(state)].filter((name) => name !== undefined)
  for (const generation of readable)
    must(text.split(`key-of-${generation}`).length === 2, `the key of ${generation} stands in exactly one place`)
  must(text.split('key-of-').length - 1 === readable.length, 'no key outlives its unlinking')
}

function checkAttempt(before: CompanyState, { attempt, credentials, fence }: CompanyState, memory: Memory): void {
  if (before.attempt && before.attempt.attemptId !== attempt?.attemptId)
    memory.endedAttempts.add(before.attempt.attemptId)
  if (!attempt) return
  must(!memory.endedAttempts.has(attempt.attemptId), 'an attempt that has ended never runs again')
  must(attempt.fence <= fence, 'no attempt is ahead of the fence')
  must(attempt.state !== 'restarting' || credentials !== undefined, 'what restarts is stored')
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

/** Each request hears only what answers it: a code may be followed by its fate, any other answer is the last word. */
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

/** Whoever waits for an attempt that is over has been answered; so has, when all is settled, everybody else. */
export function checkAnswers({ attempt, cleanup }: CompanyState, memory: Memory, isSettled: boolean): void {
  const waits = new Set(cleanup.flatMap(({ waiting }) => waiting ?? []).map(({ requestId }) => requestId))
  for (const [id, { kind, attemptId, answers }] of memory.requests) {
    const isOver = kind === 'pair' ? attempt?.attemptId !== attemptId : !waits.has(id)
    if (isOver || isSettled) must(answers.length > 0, `${id} was never answered`)
  }
}
