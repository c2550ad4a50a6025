/** A connection store in memory. */
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'

const lifetimeMs = 130 * 60_000

export function memoryConnectionStore(clock: Clock = Date.now, limit = 10): ConnectionStore {
  const connections = new Map<string, Connection>()
  const keyOf = (companyId: string, connectionId: string) => `${companyId} ${connectionId}`
  const list = (companyId: string) =>
    [...connections.values()].filter(
      (connection) => connection.companyId === companyId && connection.connectedAt + lifetimeMs > clock(),
    )
  return {
    async add(connection) {
      const key = keyOf(connection.companyId, connection.connectionId)
      if (!connections.has(key) && list(connection.companyId).length >= limit) return 'tooMany'
      connections.set(key, connection)
      return 'added'
    },
    async remove(companyId, connectionId) {
      connections.delete(keyOf(companyId, connectionId))
    },
    list: async (companyId) => list(companyId),
  }
}
