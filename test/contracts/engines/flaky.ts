/**
 * A client with a connection that fails as a test wants: before a request arrives, after it, or by delivering it much
 * later.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { CallLimits } from '#shared/dynamo/document-client.ts'
import { type Exchange, httpExchange } from '#shared/dynamo/light/exchange.ts'
import { connect, connectLight, type Engine } from './engines.ts'

type Handler = DynamoDBClient['config']['requestHandler']

/** Fate of a request; a `late` one arrives when the test calls `deliverLate`, after its sender has given up. */
export type Fate = 'arrives' | 'lost' | 'answerLost' | 'late'
export type Request = { readonly index: number; readonly operation: string }

export function flakyConnect(engine: Engine, fateOf: (request: Request) => Fate, limits: CallLimits = { tries: 1 }) {
  const inner = connect(engine).config.requestHandler
  const late: (() => Promise<unknown>)[] = []
  const requests: Request[] = []
  const handle: Handler['handle'] = async (request, options) => {
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '')
    const index = requests.push({ index: requests.length, operation }) - 1
    const fate = fateOf({ index, operation })
    if (fate === 'late') late.push(() => inner.handle(request))
    if (fate === 'lost' || fate === 'late') throw timeOut()
    const answer = await inner.handle(request, options)
    if (fate === 'arrives') return answer
    answer.response.body.resume()
    throw timeOut()
  }
  const requestHandler: Handler = {
    metadata: { handlerProtocol: 'http/1.1' },
    handle,
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  }
  return {
    client: connect(engine, limits, { requestHandler }),
    requests,
    /** Delivers the late requests, or the first ones of them. */
    deliverLate: async (limit = late.length) => {
      for (const deliver of late.splice(0, limit)) await deliver()
    },
  }
}

/** Makes a client of the hosts, which gives up at the first request that is lost. */
export function flakyLight(engine: Engine, fateOf: (operation: string) => 'arrives' | 'answerLost') {
  const inner = httpExchange({ connectMs: 20_000, maxSockets: 16 })
  const exchange: Exchange = async (request, signal) => {
    const fate = fateOf(String(request.headers['x-amz-target']).replace(/^.*\./, ''))
    const answer = await inner(request, signal)
    if (fate === 'arrives') return answer
    throw new Error('The test has lost it')
  }
  return connectLight(engine, { exchange })
}

/** An error that the SDK retries. */
const timeOut = () => Object.assign(new Error('The test has lost it'), { name: 'TimeoutError', code: 'ETIMEDOUT' })
