/** Sequence numbers of a decision's notices: one for each waiting request, at least one for each notice. */
import type { Notice } from './company.ts'

const numbersOf = (notice: Notice): number => Math.max(1, notice.waiting.length)

/** How many sequence numbers a decision draws. */
export const numbersNeeded = (notices: readonly Notice[]): number =>
  notices.reduce((sum, notice) => sum + numbersOf(notice), 0)

/** The first number of each notice, when `lastSeq` is the last of them all. */
export function firstNumbers(notices: readonly Notice[], lastSeq: number): readonly number[] {
  let next = lastSeq - numbersNeeded(notices) + 1
  return notices.map((notice) => {
    const first = next
    next += numbersOf(notice)
    return first
  })
}
