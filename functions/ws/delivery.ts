/**
 * Delivers frames to the client that sent the message: the last one is the route's answer, the earlier ones are pushed.
 */
import type { ConnectionsApi } from '#shared/aws/connections-api.ts'
import type { Clock, Connection, Decided } from '#shared/ports.ts'
import type { ServerMessage } from '#shared/protocol/server-messages.ts'
import { framesFor } from '#shared/push/frames.ts'
import { type PushDeps, pushNotices } from '../use-cases/push-notices.ts'

export type DeliveryDeps = PushDeps & { readonly connectionsApi: ConnectionsApi; readonly clock: Clock }

export type Delivery = {
  /** Pushes to the company's other clients at once, and keeps the frames of this client for `finish`. */
  readonly notify: (decided: Decided<unknown>) => Promise<void>
  /** Sends the kept frames and then `answer` to this client. Returns the last one, for the route to answer with. */
  readonly finish: (answer?: ServerMessage) => Promise<ServerMessage | undefined>
}

export function deliveryTo(client: Connection, deps: DeliveryDeps): Delivery {
  const own: ServerMessage[] = []
  return {
    async notify(decided) {
      own.push(...framesFor(client, decided, deps.clock()))
      await pushNotices(client.companyId, decided, deps, client.connectionId)
    },
    async finish(answer) {
      const frames = answer ? [...own, answer] : own
      for (const frame of frames.slice(0, -1))
        await deps.connectionsApi.post(client.connectionId, JSON.stringify(frame))
      return frames.at(-1)
    },
  }
}
