/** An engine that says no more than it must: what an update leaves as it was is missing from `UPDATED_NEW`, as in moto. */
import { isDeepStrictEqual } from 'node:util'
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand, type UpdateCommandOutput } from '@aws-sdk/lib-dynamodb'

/** Makes a client's answers terse. One update at a time, so that what was there before is known. */
export function makeTerse(client: DynamoDBDocumentClient): DynamoDBDocumentClient {
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
  client.send = terse as typeof client.send
  return client
}
