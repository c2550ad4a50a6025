/** Reads from a `status` what has become of an attempt whose own news got lost: pure, so that it can be tested without a server. */
import { maskPhone } from '#shared/domain/values/phone.ts'
import { type Frame, linesFor } from './pair-display.ts'

/** The client's own knowledge of its attempt: from `pairing-started`. */
export type Known = {
  readonly attemptId?: unknown
  /** As the server has understood it: digits. */
  readonly phone?: unknown
}

export type Standing =
  | { readonly kind: 'running'; readonly attempt: Frame }
  /** It has ended, and nothing says how. */
  | { readonly kind: 'gone'; readonly exitCode: 1; readonly lines: readonly string[] }
  | { readonly kind: 'over'; readonly exitCode: 0 | 1; readonly lines: readonly string[] }

const again = 'Run the command again.'
const failed = (why: string) => ({ exitCode: 1, lines: [why, again] }) as const

/** The standing of the attempt, as this status has it. */
export function standingOf(status: Frame, { attemptId, phone }: Known): Standing {
  const attempt = status['attempt'] as Frame | undefined
  if (attempt) {
    if (attemptId !== undefined && attempt['attemptId'] !== attemptId)
      return { kind: 'over', ...failed('Another request has taken the place of this one.') }
    // It is kept for a code that is typed late, about which its client hears nothing more.
    if (attempt['state'] === 'expired') return { kind: 'over', ...failed('The code has expired.') }
    return { kind: 'running', attempt }
  }
  if (status['session'] === 'connected' && isOf(status['phoneNumber'], phone)) {
    const phoneNumber = phone ?? status['phoneNumber']
    return { kind: 'over', exitCode: 0, lines: linesFor({ event: 'whatsapp-connected', phoneNumber }) }
  }
  return { kind: 'gone', ...failed('The pairing has ended, and what the server said about it was lost.') }
}

/** A company can be connected with the phone that it had before. */
const isOf = (masked: unknown, phone: unknown): boolean => typeof phone !== 'string' || masked === maskPhone(phone)
