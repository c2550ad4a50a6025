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
  /**
   * Sends the kept frames and then `answer` to this client. Returns the last one, for the route to answer with. A second
   * call, because the time was up during the first, sends no frame again.
   */
  readonly finish: (answer?: ServerMessage) => Promise<ServerMessage | undefined>
}

export function deliveryTo(client: Connection, deps: DeliveryDeps): Delivery {
  const own: ServerMessage[] = []
  let sent = 0
  return {
    async notify(decided) {
      own.push(...framesFor(client, decided, deps.clock()))
      await pushNotices(client.companyId, decided, deps, client.connectionId)
    },
    async finish(answer) {
      // The answer is not kept: work that goes on although its time was up must not send it a second time.
      const frames = answer ? [...own, answer] : own
      while (sent < frames.length - 1)
        await deps.connectionsApi.post(client.connectionId, JSON.stringify(frames[sent++]))
      return frames.at(-1)
    },
  }
}
