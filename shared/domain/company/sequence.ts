/**
 * Sequence numbers of a decision's notices. `seq` counts the frames for the clients of a company: a notice needs one
 * number for each waiting request, and at least one.
 */
import type { Notice } from './company.ts'

const numbersOf = (notice: Notice): number => Math.max(1, notice.waiting.length)

/** Number of sequence numbers that a decision's notices need. */
export const numbersNeeded = (notices: readonly Notice[]): number =>
  notices.reduce((sum, notice) => sum + numbersOf(notice), 0)

/** Returns the first number of each notice; `lastSeq` is the last number of the last notice. */
export function firstNumbers(notices: readonly Notice[], lastSeq: number): readonly number[] {
  let next = lastSeq - numbersNeeded(notices) + 1
  return notices.map((notice) => {
    const first = next
    next += numbersOf(notice)
    return first
  })
}
