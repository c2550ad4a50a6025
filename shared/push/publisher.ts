/** `Publisher` over API Gateway: the frames of a decision to all connections of its company. */
import type { ConnectionsApi } from '../aws/connections-api.ts'
import type { Failure } from '../domain/values/errors.ts'
import { isSettled } from '../dynamo/clients/connection-store.ts'
import { StoreUnavailable } from '../dynamo/store-unavailable.ts'
import type { Clock, Connection, ConnectionStore, Publisher } from '../ports.ts'
import { errorMessage } from '../protocol/server-messages.ts'
import type { Log } from '../telemetry/log.ts'
import { framesFor, type Told } from './frames.ts'

export type PublisherDeps = {
  readonly connections: Omit<ConnectionStore, 'add'>
  readonly api: Pick<ConnectionsApi, 'post' | 'close'>
  readonly clock: Clock
  readonly log: Log
}

/** All frames of a decision are sent or given up within this time: whoever decided is waiting. */
const sendWithinMs = 5_000

/**
 * Makes a publisher. What it cannot deliver it logs: the decision stands in the store, and `get-status` repairs a lost
 * push. Connections are served in parallel, the frames of one in order.
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
    log.error('Clients could not be told: the store is away', { companyId, error })
    return []
  })
}

/** Stops at a connection that is gone; a frame that failed is followed by the next, which does not depend on it. */
async function sendAll(deps: PublisherDeps, connection: Connection, told: Told, signal: AbortSignal): Promise<void> {
  const { companyId, connectionId, tokenExpiresAt } = connection
  if (tokenExpiresAt !== undefined && deps.clock() >= tokenExpiresAt) return expel(deps, connection, told.lastSeq)
  for (const frame of framesFor(connection, told, deps.clock())) {
    const sent = await deps.api.post(connectionId, JSON.stringify(frame), signal)
    // One that is about to open asks for its status as its first act.
    if (sent === 'gone') return isSettled(connection, deps.clock()) ? forget(deps, connection) : undefined
    if (sent === 'failed') {
      deps.log.warn('A frame could not be sent', { companyId, connectionId, event: frame.event, seq: frame.seq })
    }
  }
}

/** A connection ends with its token: it hears of that, and of nothing else (R30). */
async function expel(deps: PublisherDeps, connection: Connection, seq: number): Promise<void> {
  const { companyId, connectionId } = connection
  deps.log.info('A connection ends with its token', { companyId, connectionId })
  await hangUp(deps, connection, { code: 'UNAUTHORIZED' }, { seq })
  await forget(deps, connection)
}

/** Ends a connection: first the client is told why, then it is hung up on. */
export async function hangUp(
  { api, clock }: Pick<PublisherDeps, 'api' | 'clock'>,
  { companyId, connectionId, language }: Pick<Connection, 'companyId' | 'connectionId' | 'language'>,
  failure: Failure,
  about: { readonly seq?: number; readonly requestId?: string } = {},
): Promise<void> {
  const frame = errorMessage(failure, { companyId, language, at: clock(), ...about })
  const told = await api.post(connectionId, JSON.stringify(frame))
  if (told !== 'gone') await api.close(connectionId)
}

async function forget({ connections, log }: PublisherDeps, { companyId, connectionId }: Connection): Promise<void> {
  log.info('A client is gone', { companyId, connectionId })
  await unlessUnavailable(connections.remove(companyId, connectionId), (error) =>
    log.warn('The connection of a client that is gone could not be removed', { companyId, connectionId, error }),
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
