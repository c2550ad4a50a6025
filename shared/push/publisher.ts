/** `Publisher` on API Gateway: sends the frames of a decision to the connections of its company. */
import { inParallel } from '../async/in-parallel.ts'
import type { ConnectionsApi } from '../aws/connections-api.ts'
import type { Notice } from '../domain/company/company.ts'
import type { Failure } from '../domain/values/errors.ts'
import { isSettled } from '../dynamo/clients/places.ts'
import { StoreUnavailable } from '../dynamo/store-unavailable.ts'
import type { Clock, Connection, ConnectionStore, ListedConnection, Publisher } from '../ports.ts'
import { errorMessage } from '../protocol/server-messages.ts'
import type { Log } from '../telemetry/log.ts'
import { framesFor, type NumberedNotices } from './frames.ts'

export type PublisherDeps = {
  readonly connections: Omit<ConnectionStore, 'add'>
  readonly api: Pick<ConnectionsApi, 'post' | 'close'>
  readonly clock: Clock
  readonly log: Log
  /** Makes the signal that ends the sending of a decision. */
  readonly timeIsUp?: () => AbortSignal
}

/** Time after which the frames of a decision that are still unsent are given up: the caller is waiting. */
const sendWithinMs = 5_000
/**
 * Connections of a decision that are served at the same time. All of them at once would be twenty calls of one company,
 * from a host that serves hundreds.
 */
const servedAtOnce = 5

/**
 * Makes a publisher. It logs a frame that it cannot deliver: the decision is in the store, and a client that asks for
 * its status catches up. A few connections are served at a time, the frames of one connection in order.
 */
export function connectionPublisher(deps: PublisherDeps): Publisher {
  return {
    publish: async (companyId, notices, lastSeq, excluding) => {
      if (notices.length === 0) return
      const connections = await connectionsOf(deps, companyId)
      const signal = (deps.timeIsUp ?? timeIsUp)()
      const others = connections.filter(({ connectionId }) => connectionId !== excluding)
      await inParallel(servingOrder(others, notices), servedAtOnce, (connection) =>
        sendAll(deps, connection, { notices, lastSeq }, signal),
      )
    },
  }
}

const timeIsUp = () => AbortSignal.timeout(sendWithinMs)

/**
 * Those that wait for an answer come first, and then the newest ones: the owner looks at one of them, and the oldest
 * may have been dead for an hour.
 */
function servingOrder(connections: readonly ListedConnection[], notices: readonly Notice[]) {
  const waiting = new Set(notices.flatMap((notice) => notice.waiting.map(({ connectionId }) => connectionId)))
  const waits = ({ connectionId }: Connection) => Number(waiting.has(connectionId))
  return connections.toSorted((a, b) => waits(b) - waits(a) || b.connectedAt - a.connectedAt)
}

async function connectionsOf(
  { connections, log }: PublisherDeps,
  companyId: string,
): Promise<readonly ListedConnection[]> {
  return unlessUnavailable(connections.list(companyId), (error) => {
    log.error('Could not read the connections', { companyId, error })
    return []
  })
}

/** Sends a connection its frames. It stops when the connection is gone, and goes on after a failed frame. */
async function sendAll(
  deps: PublisherDeps,
  connection: ListedConnection,
  numbered: NumberedNotices,
  signal: AbortSignal,
): Promise<void> {
  const { companyId, connectionId, tokenExpiresAt } = connection
  if (signal.aborted) {
    return deps.log.warn('No time was left for a connection', { companyId, connectionId, seq: numbered.lastSeq })
  }
  if (tokenExpiresAt !== undefined && deps.clock() >= tokenExpiresAt) {
    return expel(deps, connection, signal)
  }
  for (const frame of framesFor(connection, numbered, deps.clock())) {
    const sent = await deps.api.post(connectionId, JSON.stringify(frame), signal)
    // API Gateway also calls a connection gone that is about to open: that client will ask for the status.
    if (sent === 'gone') return isSettled(connection, deps.clock()) ? forget(deps, connection) : undefined
    if (sent === 'failed') {
      deps.log.warn('Could not send a frame', { companyId, connectionId, event: frame.event, seq: frame.seq })
    }
  }
}

/** Closes a connection whose token has expired, after an error that says so. No other frame is sent (R30). */
async function expel(deps: PublisherDeps, connection: ListedConnection, signal: AbortSignal): Promise<void> {
  const { companyId, connectionId } = connection
  deps.log.info('Token expired, closing the connection', { companyId, connectionId })
  await hangUp(deps, connection, { code: 'UNAUTHORIZED' }, { signal })
  await forget(deps, connection)
}

/** Sends a client the reason, without a sequence number, and closes its connection. */
export async function hangUp(
  { api, clock }: Pick<PublisherDeps, 'api' | 'clock'>,
  { companyId, connectionId, language }: Pick<Connection, 'companyId' | 'connectionId' | 'language'>,
  failure: Failure,
  { signal, ...about }: { readonly requestId?: string; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const frame = errorMessage(failure, { companyId, language, at: clock(), ...about })
  const sent = await api.post(connectionId, JSON.stringify(frame), signal)
  if (sent !== 'gone') await api.close(connectionId)
}

async function forget({ connections, log }: PublisherDeps, listed: ListedConnection): Promise<void> {
  const { companyId, connectionId, place } = listed
  log.info('Connection is gone', { companyId, connectionId })
  await unlessUnavailable(connections.remove(companyId, connectionId, place), (error) =>
    log.warn('Could not remove a connection that is gone', { companyId, connectionId, error }),
  )
}

async function unlessUnavailable<T>(call: Promise<T>, otherwise: (error: StoreUnavailable) => T): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof StoreUnavailable) return otherwise(error)
    throw error
  }
}
