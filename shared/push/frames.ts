/** Frames of a decision for a connection. */
import type { Waiting } from '../domain/company/attempt.ts'
import type { Notice } from '../domain/company/company.ts'
import { firstNumbers } from '../domain/company/sequence.ts'
import type { Connection } from '../ports.ts'
import { eventMessage, type ServerMessage } from '../protocol/server-messages.ts'

/** A decision's notices and the last sequence number that it drew; `Decided` has both. */
export type NumberedNotices = { readonly notices: readonly Notice[]; readonly lastSeq: number }

/**
 * Returns the frames for a connection, in order. Each of its requests that waits for a notice gets a frame with its id.
 * A connection without such a request gets one frame, if the notice is for the whole company. `at` is epoch ms.
 */
export function framesFor(
  connection: Connection,
  { notices, lastSeq }: NumberedNotices,
  at: number,
): readonly ServerMessage[] {
  const numbers = firstNumbers(notices, lastSeq)
  return notices.flatMap((notice, index) => {
    const first = numbers[index] ?? lastSeq
    const own = ownRequests(notice, connection.connectionId, first)
    const envelopes = own.length === 0 && notice.audience === 'company' ? [{ seq: first }] : own
    const { companyId, language } = connection
    return envelopes.map((envelope) => eventMessage(notice.event, { companyId, language, at, ...envelope }))
  })
}

type Numbered = { readonly seq: number; readonly requestId?: string }

function ownRequests({ waiting }: Notice, connectionId: string, first: number): readonly Numbered[] {
  const numbered = ({ requestId }: Waiting, offset: number): Numbered => ({
    seq: first + offset,
    ...(requestId !== undefined && { requestId }),
  })
  return waiting.flatMap((entry, offset) => (entry.connectionId === connectionId ? [numbered(entry, offset)] : []))
}
