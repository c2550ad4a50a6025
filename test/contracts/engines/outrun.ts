/** A client whose updates all come too late. */
import { decision, type Transition } from '#shared/domain/company/company.ts'
import type { StoreClient } from '#shared/dynamo/items.ts'
import { operationOf } from '#shared/dynamo/light/operations.ts'

/** A rival's decision. */
export const raiseFence: Transition<void> = (state) => decision({ ...state, fence: state.fence + 1 }, undefined)

/** Returns a client that lets `rival` write before each call of this operation, such as `UpdateItem`. */
export function outrun(client: StoreClient, operation: string, rival: () => Promise<unknown>): StoreClient {
  const send = client.send.bind(client) as (command: object) => Promise<unknown>
  const slow = async (command: object) => {
    if (operationOf(command) === operation) await rival()
    return send(command)
  }
  return { send: slow as StoreClient['send'] }
}
