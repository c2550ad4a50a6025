/** An engine whose `UPDATED_NEW` leaves out the attributes that an update has not changed, as in moto. */
import { isDeepStrictEqual } from 'node:util'
import { GetCommand, UpdateCommand, type UpdateCommandOutput } from '@aws-sdk/lib-dynamodb'
import type { StoreClient } from '#shared/dynamo/items.ts'

/** Returns a client whose answers are terse. It runs one update at a time, so that it knows the item before the update. */
export function makeTerse(client: StoreClient): StoreClient {
  const send = client.send.bind(client) as (command: unknown) => Promise<unknown>
  let last: Promise<unknown> = Promise.resolve()

  async function update(command: UpdateCommand): Promise<UpdateCommandOutput> {
    const { TableName, Key, ReturnValues } = command.input
    const { Item = {} } = await client.send(new GetCommand({ TableName, Key, ConsistentRead: true }))
    const answer = (await send(command)) as UpdateCommandOutput
    if (ReturnValues !== 'UPDATED_NEW') return answer
    const changed = Object.entries(answer.Attributes ?? {}).filter(
      ([name, value]) => !isDeepStrictEqual(value, Item[name]),
    )
    return { ...answer, Attributes: Object.fromEntries(changed) }
  }

  const terse = (command: unknown) => {
    if (!(command instanceof UpdateCommand)) return send(command)
    const answer = last.then(() => update(command))
    last = answer.catch(() => undefined)
    return answer
  }
  return { send: terse as StoreClient['send'] }
}
