/** `Publisher` on API Gateway: sends the frames of a decision to the connections of its company. */
import type { ConnectionsApi } from '../aws/connections-api.ts'
import type { Failure } from '../domain/values/errors.ts'
import { isSettled } from '../dynamo/clients/connection-store.ts'
import { StoreUnavailable } from '../dynamo/store-unavailable.ts'
import type { Clock, Connection, ConnectionStore, Publisher } from '../ports.ts'
import { errorMessage } from '../protocol/server-messages.ts'
import type { Log } from '../telemetry/log.ts'
import { framesFor, type NumberedNotices } from './frames.ts'

export type PublisherDeps = {
  readonly connections: Omit<ConnectionStore, 'add'>
  readonly api: Pick<ConnectionsApi, 'post' | 'close'>
  readonly clock: Clock
  readonly log: Log
}

/** Time after which the frames of a decision that are still unsent are given up: the caller is waiting. */
const sendWithinMs = 5_000

/**
 * Makes a publisher. It logs a frame that it cannot deliver: the decision is in the store, and a client that asks for
 * its status catches up. Connections are served in parallel, the frames of one connection in order.
 */
export function connectionPublisher(deps: PublisherDeps): Publisher {
  return {
    publish: async (companyId, notices, lastSeq, excluding) => {
      if (notices.length === 0) return
      const connections = await connectionsOf(deps, companyId)
      const signal = AbortSignal.timeout(sendWithinMs)
      const others = connections.filter(({ connectionId }) => connectionId !== excluding)
      await Promise.all(others.map((connection) => sendAll(deps, connection, { notices, lastSeq }, signal)))
    },
  }
}

async function connectionsOf({ connections, log }: PublisherDeps, companyId: string): Promise<readonly Connection[]> {
  return unlessUnavailable(connections.list(companyId), (error) => {
    log.error('Could not read the connections', { companyId, error })
    return []
  })
}

/** Sends a connection its frames. It stops when the connection is gone, and goes on after a failed frame. */
async function sendAll(
  deps: PublisherDeps,
  connection: Connection,
  numbered: NumberedNotices,
  signal: AbortSignal,
): Promise<void> {
  const { companyId, connectionId, tokenExpiresAt } = connection
  if (tokenExpiresAt !== undefined && deps.clock() >= tokenExpiresAt) return expel(deps, connection, numbered.lastSeq)
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
async function expel(deps: PublisherDeps, connection: Connection, seq: number): Promise<void> {
  const { companyId, connectionId } = connection
  deps.log.info('Token expired, closing the connection', { companyId, connectionId })
  await hangUp(deps, connection, { code: 'UNAUTHORIZED' }, { seq })
  await forget(deps, connection)
}

/** Sends a client the reason and closes its connection. */
export async function hangUp(
  { api, clock }: Pick<PublisherDeps, 'api' | 'clock'>,
  { companyId, connectionId, language }: Pick<Connection, 'companyId' | 'connectionId' | 'language'>,
  failure: Failure,
  about: { readonly seq?: number; readonly requestId?: string } = {},
): Promise<void> {
  const frame = errorMessage(failure, { companyId, language, at: clock(), ...about })
  const sent = await api.post(connectionId, JSON.stringify(frame))
  if (sent !== 'gone') await api.close(connectionId)
}

async function forget({ connections, log }: PublisherDeps, { companyId, connectionId }: Connection): Promise<void> {
  log.info('Connection is gone', { companyId, connectionId })
  await unlessUnavailable(connections.remove(companyId, connectionId), (error) =>
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
