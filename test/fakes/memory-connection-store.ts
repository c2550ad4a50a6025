/** A connection store in memory. */
import { clientDefaults } from '#shared/config/settings.ts'
import { err, ok } from '#shared/domain/values/result.ts'
import { connectionLifetimeMs } from '#shared/dynamo/clients/connection-store.ts'
import { choosePlace } from '#shared/dynamo/clients/places.ts'
import type { Clock, ConnectionStore, ListedConnection } from '#shared/ports.ts'

export function memoryConnectionStore(
  clock: Clock,
  limit: number = clientDefaults.connectionsPerCompany,
): ConnectionStore {
  const bars = new Map<string, number>()
  const places = new Map<string, ListedConnection>()
  const keyOf = ({ companyId, place }: Pick<ListedConnection, 'companyId' | 'place'>) => `${companyId} ${place}`
  const list = (companyId: string) =>
    [...places.values()].filter(
      (one) => one.companyId === companyId && one.connectedAt + connectionLifetimeMs > clock(),
    )
  return {
    async add(connection) {
      const held = list(connection.companyId)
      if (held.some(({ connectionId }) => connectionId === connection.connectionId)) return ok([])
      if (clock() < (bars.get(connection.companyId) ?? 0)) return err('barred')
      const choice = choosePlace(held, connection, limit, 0)
      if (!choice) return err('no-place')
      for (const one of choice.expelled) places.delete(keyOf(one))
      const listed = { ...connection, place: choice.place }
      places.set(keyOf(listed), listed)
      return ok(choice.expelled)
    },
    async bar(companyId, until) {
      bars.set(companyId, until)
    },
    async remove(companyId, connectionId) {
      const held = list(companyId).find((one) => one.connectionId === connectionId)
      if (held) places.delete(keyOf(held))
    },
    list: async (companyId) => list(companyId),
  }
}
