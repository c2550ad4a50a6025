/** A connection store in memory. */
import { clientDefaults } from '#shared/config/settings.ts'
import { connectionLifetimeMs, connectionsOverLimit } from '#shared/dynamo/clients/connection-store.ts'
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'

export function memoryConnectionStore(
  clock: Clock,
  limit: number = clientDefaults.connectionsPerCompany,
): ConnectionStore {
  const connections = new Map<string, Connection>()
  const keyOf = (companyId: string, connectionId: string) => `${companyId} ${connectionId}`
  const list = (companyId: string) =>
    [...connections.values()].filter(
      (connection) => connection.companyId === companyId && connection.connectedAt + connectionLifetimeMs > clock(),
    )
  return {
    async add(connection) {
      const { companyId, connectionId } = connection
      connections.set(keyOf(companyId, connectionId), connection)
      const all = list(companyId)
      const removed = connectionsOverLimit(all, connection, limit)
      for (const one of removed) connections.delete(keyOf(companyId, one.connectionId))
      return removed
    },
    async remove(companyId, connectionId) {
      connections.delete(keyOf(companyId, connectionId))
    },
    list: async (companyId) => list(companyId),
  }
}
