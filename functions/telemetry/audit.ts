/**
 * Audit of requests that ask for a change: one log line each, which says who asked for what, and with what outcome.
 * Requests that only read have none.
 */
import { type ErrorCode, errorSpec } from '#shared/domain/values/errors.ts'
import type { Decided } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'

/**
 * Outcome of a request that was served. `joined`: what it asks for was already on its way, and it waits for the same.
 * `unchanged`: there was nothing to do.
 */
type Served = 'done' | 'joined' | 'unchanged'

/** Claims of a token that say who asks. */
type Who = { readonly role: string; readonly companyId?: string | undefined; readonly sub?: string | undefined }

export type Audited = {
  /** Action of a message, or route key of an HTTP request. */
  readonly action: string
  readonly by?: Who
  /** Company that would change, if the log lines of the request do not name it anyway. */
  readonly companyId?: string
  /** Id that the client gave its message. */
  readonly requestId?: string
}

export type Audit = {
  /** False for a request that only reads. */
  readonly isKept: boolean
  /** Names the caller, once the token has been verified. */
  askedBy(who: Who): void
  /** Notes how the request was served. The first note counts: later decisions only follow from it. */
  note(served: Served): void
  /** Notes the decision about the request. */
  decided(decided: Decided<unknown>): void
  /** Notes that the request was refused or has failed, whatever was noted before. `field` is the wrong one. */
  refused(code: ErrorCode, field?: string): void
  /** Writes the line. Only the first call does: work that goes on although its time was up must not write another. */
  write(): void
}

/** Returns the claims that log lines name. */
export const namesOf = ({ role, companyId, sub }: Who): Who => ({ role, companyId, sub })

/** Message of every audit line, for the queries of operators. */
const auditMessage = 'Change requested'

/** Starts the audit of a request. Without a note, nothing has changed. */
export function auditOf(audited: Audited, log: Log): Audit {
  let by = audited.by
  let served: Served | undefined
  let refusal: { readonly code: ErrorCode; readonly field?: string } | undefined
  let isWritten = false
  const note = (outcome: Served) => {
    served ??= outcome
  }
  return {
    isKept: true,
    askedBy: (who) => {
      by = who
    },
    note,
    decided: (decided) => note(servedBy(decided)),
    refused: (code, field) => {
      refusal = { code, ...(field !== undefined && { field }) }
    },
    write() {
      if (isWritten) return
      isWritten = true
      const { code, field } = refusal ?? {}
      log[code === undefined ? 'info' : errorSpec(code).level](auditMessage, {
        ...audited,
        outcome: code ?? served ?? 'unchanged',
        ...(field !== undefined && { field }),
        // The change was made all the same, and only what came after it has failed.
        ...(code !== undefined && served === 'done' && { changed: true }),
        ...(by && { by: namesOf(by) }),
      })
    },
  }
}

/** Audit of a request that only reads: it writes nothing. */
export const noAudit: Audit = {
  isKept: false,
  ...{ askedBy: () => {}, note: () => {}, decided: () => {}, refused: () => {}, write: () => {} },
}

function servedBy({ outcome, changed }: Decided<unknown>): Served {
  const kind = typeof outcome === 'object' && outcome !== null && 'kind' in outcome ? outcome.kind : undefined
  if (kind === 'joined' || kind === 'awaited') return 'joined'
  // A refused request may have ended an older attempt that was overdue: nobody asked for that.
  return changed && kind !== 'refused' && kind !== 'crowded' ? 'done' : 'unchanged'
}
