/** DynamoDB behind a proxy that counts requests and the capacity units that they consume. */
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import * as v from 'valibot'
import { startDynalite } from '../contracts/engines/engines.ts'

/**
 * One request: its operation and body, and the capacity units that it consumed (writes, consistent reads). `caller` is the
 * name of its role, which a local run uses as the access key.
 */
export type Counted = {
  readonly operation: string
  readonly units: number
  readonly body: string
  readonly caller: string
}

/** True for a request that writes. */
export const isWrite = ({ operation }: Counted): boolean => /^(Put|Update|Delete|BatchWrite)/.test(operation)

/** True for a request of leases and heartbeats, whose number does not depend on that of companies. */
export const isOfLeases = ({ body }: Counted): boolean => /"(LEASE|BEAT)"/.test(body)

const Consumed = v.object({ CapacityUnits: v.number() })
const Answer = v.object({ ConsumedCapacity: v.optional(v.union([Consumed, v.array(Consumed)])) })

export async function countingDynamoDb() {
  const engine = await startDynalite()
  const counted: Counted[] = []
  const server = createServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '')
    const sent = await text(request)
    const asked = isData(operation) ? JSON.stringify({ ...JSON.parse(sent), ...wanted }) : sent
    const { host, 'content-length': _, connection, ...headers } = request.headers
    const method = request.method ?? 'POST'
    const body = asked === '' ? {} : { body: asked }
    const answer = await fetch(engine.url, { method, headers: headers as Record<string, string>, ...body })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const caller = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (isData(operation)) counted.push({ operation, units: unitsIn(bytes), body: asked, caller })
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    counted,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await engine.stop()
    },
  }
}

const wanted = { ReturnConsumedCapacity: 'TOTAL' }
const isData = (operation: string) => /^(Get|Put|Update|Delete|BatchGet|BatchWrite)Item$|^Query$/.test(operation)

function unitsIn(bytes: Buffer): number {
  const { ConsumedCapacity = [] } = v.parse(Answer, JSON.parse(bytes.toString('utf8')))
  return [ConsumedCapacity].flat().reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0)
}
