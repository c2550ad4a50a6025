/** Which frames of a decision go to which connection. */
import type { Waiting } from '../domain/company/attempt.ts'
import type { Notice } from '../domain/company/company.ts'
import { firstNumbers } from '../domain/company/sequence.ts'
import type { Connection } from '../ports.ts'
import { eventMessage, type ServerMessage } from '../protocol/server-messages.ts'

/** A decision's notices and the last sequence number that it drew; a `Decided` is one. */
export type Told = { readonly notices: readonly Notice[]; readonly lastSeq: number }

/**
 * What a connection is sent, in order. Requests of its own that wait for a notice get one frame each, under their id; a
 * connection with none hears of what concerns the company. `at` is epoch ms.
 */
export function framesFor(connection: Connection, { notices, lastSeq }: Told, at: number): readonly ServerMessage[] {
  const numbers = firstNumbers(notices, lastSeq)
  return notices.flatMap((notice, index) => {
    const first = numbers[index] ?? lastSeq
    const own = ownRequests(notice, connection.connectionId, first)
    const heard = own.length === 0 && notice.audience === 'company' ? [{ seq: first }] : own
    const { companyId, language } = connection
    return heard.map((envelope) => eventMessage(notice.event, { companyId, language, at, ...envelope }))
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
