/** Pages of sessions. They go through the shards in order and read each company consistently. */
import * as v from 'valibot'
import type { SessionStatus } from '#shared/domain/company/company.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { CompanyStore } from '#shared/ports.ts'
import { type SessionViewer, sessionBody } from './views.ts'

/** Position in the list: a shard, and the last company of it that was listed. */
export type PagePosition = { readonly shard: number; readonly after?: string | undefined }
export type PageRequest = {
  readonly limit: number
  readonly from: PagePosition
  /** Lists only sessions in this status. */
  readonly status?: SessionStatus | 'none' | undefined
}
export type Page = { readonly sessions: readonly Record<string, unknown>[]; readonly next?: PagePosition }

/** Limit of companies that one request reads, so that a rare status does not make it read everything. */
const maxReads = 300
/** Limit of consistent reads that run at once. */
const readsAtOnce = 25

type Session = Record<string, unknown> & { readonly companyId: string }

/** Reads a page. It may be short or empty even though there is more: only a missing `next` marks the end. */
export async function sessionPage(
  { limit, from, status }: PageRequest,
  shards: number,
  store: CompanyStore,
  viewer: SessionViewer,
): Promise<Page> {
  const sessions: Session[] = []
  let position: PagePosition | undefined = from
  for (let reads = 0; position && reads < maxReads; reads += readsAtOnce) {
    const { shard, after }: PagePosition = position
    const found = await store.companiesOf(shard, { limit: readsAtOnce, ...(after !== undefined && { after }) })
    const read = await readSessions(found.companyIds, store, viewer)
    sessions.push(...read.filter((session) => status === undefined || session['session'] === status))
    const last = sessions[limit - 1]
    // The sessions after this one belong to the next page.
    if (last) return { sessions: sessions.slice(0, limit), next: { shard, after: last.companyId } }
    position = nextPosition(shard, found.next, shards)
  }
  return { sessions, ...(position && { next: position }) }
}

function nextPosition(shard: number, after: string | undefined, shards: number): PagePosition | undefined {
  if (after !== undefined) return { shard, after }
  return shard + 1 < shards ? { shard: shard + 1 } : undefined
}

/** Reads companies of one shard. They share its lease, so it is read once. */
async function readSessions(
  companyIds: readonly string[],
  store: CompanyStore,
  viewer: SessionViewer,
): Promise<Session[]> {
  const [first] = companyIds
  if (first === undefined) return []
  const lease = await store.leaseOf(first)
  return Promise.all(
    companyIds.map(async (companyId) => {
      const { state } = await store.read(companyId)
      return { ...sessionBody(companyId, state, lease, viewer), companyId }
    }),
  )
}

/** Encodes a position as an opaque cursor for clients. */
export const encodeCursor = (position: PagePosition): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url')

const Cursor = v.object({
  shard: v.pipe(v.number(), v.integer(), v.minValue(0)),
  after: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(256))),
})

/** Parses a cursor. Refuses one that is not ours, or that names a shard that no longer exists. */
export function parseCursor(cursor: string, shards: number): Result<PagePosition, 'badCursor'> {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Cursor), text)
  return parsed.success && parsed.output.shard < shards ? ok(parsed.output) : err('badCursor')
}
