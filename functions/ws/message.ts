/** Handler of client messages (requirements, "WebSocket API"): checks each one and runs its action. */
import { once } from '#shared/async/once.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import type { Connection } from '#shared/ports.ts'
import { type ClientMessage, failureEventOf, parseClientMessage } from '#shared/protocol/client-messages.ts'
import { type Envelope, errorMessage, type ServerMessage } from '#shared/protocol/server-messages.ts'
import { hangUp } from '#shared/push/publisher.ts'
import type { MessageRateLimit } from '../access/message-rate.ts'
import { isExpired } from '../access/tokens.ts'
import { stack } from '../stack.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import {
  budget,
  clock,
  commandQueue,
  companyStore,
  connectionsApi,
  log,
  pairing,
  publisher,
  rateLimit,
  staleMs,
  telemetry,
} from '../wiring/deps.ts'
import { type ActionDeps, runAction } from './actions.ts'
import { type Delivery, type DeliveryDeps, deliveryTo } from './delivery.ts'
import { MessageEvent, type RouteResponse, requestOf } from './events.ts'

export type MessageDeps = ActionDeps &
  DeliveryDeps & { readonly telemetry: Telemetry; readonly rateLimit: MessageRateLimit }

/** Log message of every message that is refused or fails. */
const refusedMessage = 'Message refused'

/** One message: its sender, its text as it was parsed, and the frames that are kept for the sender. */
type Received = {
  readonly client: Connection
  readonly correlationId: string
  /** Expiry of the sender's token, in epoch seconds. */
  readonly exp: number
  readonly message: ReturnType<typeof parseClientMessage>
  readonly delivery: Delivery
  readonly deps: MessageDeps
}

/** Answers one message: the client gets an event of ours, whatever happens. */
export const message = stack<typeof MessageEvent, MessageDeps, RouteResponse>({
  component: 'message',
  failureMessage: refusedMessage,
  event: MessageEvent,
  begin: (event, deps) => {
    const received = receivedOf(event, deps)
    return { ...requestOf(event), run: () => answer(received), failed: (failure) => answerFailure(failure, received) }
  },
  // Such an event names no client that we could answer.
  malformed: () => ({ statusCode: 400 }),
})

function receivedOf({ requestContext, body }: MessageEvent, deps: MessageDeps): Received {
  const { connectionId, connectedAt, authorizer, requestId: correlationId } = requestContext
  const { companyId, language, exp } = authorizer
  const client = { connectionId, companyId, language, connectedAt }
  const parsed = parseClientMessage(body ?? undefined)
  return { client, correlationId, exp, message: parsed, delivery: deliveryTo(client, deps), deps }
}

async function answer(received: Received): Promise<RouteResponse> {
  const { client, exp, message: parsed, deps } = received
  if (isExpired(exp, deps.clock())) return endExpired(received)
  if (await deps.rateLimit.isExceeded(client.connectionId)) return respond(rejectRateLimited(received))
  if (parsed.ok) return respond(await execute(parsed.value, received))
  const { field, detail } = parsed.error
  const failure = refuse({ code: 'BAD_REQUEST', detail }, received)
  return respond(errorMessage(failure, envelopeOf(received, await drawSeq(received)), 'error', field))
}

/** No sequence number: drawing one is a write, and rejecting a message must be cheaper than serving it. */
function rejectRateLimited(received: Received): ServerMessage {
  return errorMessage(refuse({ code: 'RATE_LIMITED', retryAfter: 1 }, received), envelopeOf(received, undefined))
}

const respond = (frame: ServerMessage | undefined): RouteResponse => ({
  statusCode: 200,
  ...(frame && { body: JSON.stringify(frame) }),
})

/** Runs the action. Returns the last frame for the client, if there is one. */
async function execute(parsed: ClientMessage, received: Received): Promise<ServerMessage | undefined> {
  const { client, correlationId, delivery, deps } = received
  const { action, requestId } = parsed
  deps.log.info('Message', { action, requestId })
  const call = {
    companyId: client.companyId,
    language: client.language,
    correlationId,
    waiting: { connectionId: client.connectionId, ...(requestId !== undefined && { requestId }) },
    notify: delivery.notify,
    envelope: (seq: number | undefined) => envelopeOf(received, seq),
    drawSeq: () => drawSeq(received),
  }
  return delivery.finish(await runAction(action, parsed, call, deps))
}

/** Sends the frames that the failed action has left for the client, and answers with its failure event. */
async function answerFailure(failure: Failure, received: Received): Promise<RouteResponse> {
  const { message: parsed, delivery } = received
  // When the store is down it cannot give a number, and there is no time left to ask it again.
  const seq = failure.code === 'STORE_UNAVAILABLE' ? undefined : await drawSeq(received)
  const event = parsed.ok ? failureEventOf(parsed.value.action) : 'error'
  return respond(await delivery.finish(errorMessage(failure, envelopeOf(received, seq), event)))
}

/** Ends a connection whose token has expired (R30): sends the reason, then closes it. */
async function endExpired(received: Received): Promise<RouteResponse> {
  const { client, deps } = received
  const failure = refuse({ code: 'UNAUTHORIZED' }, received)
  const { seq, requestId } = envelopeOf(received, await drawSeq(received))
  const about = { ...(seq !== undefined && { seq }), ...(requestId !== undefined && { requestId }) }
  await hangUp({ api: deps.connectionsApi, clock: deps.clock }, client, failure, about)
  // 200, because the client has its answer. API Gateway counts any other status as an error, and that raises an alarm.
  return { statusCode: 200 }
}

/** Counts and logs a refusal, and returns it. */
function refuse(failure: Failure, { deps, correlationId, client }: Received): Failure {
  deps.telemetry.refused(failure.code, { companyId: client.companyId, correlationId })
  deps.log[errorSpec(failure.code).level](refusedMessage, { code: failure.code })
  return failure
}

function envelopeOf({ client, message: parsed, deps }: Received, seq: number | undefined): Envelope {
  const { requestId } = parsed.ok ? parsed.value : parsed.error
  return {
    companyId: client.companyId,
    language: client.language,
    at: deps.clock(),
    ...(seq !== undefined && { seq }),
    ...(requestId !== undefined && { requestId }),
  }
}

/** Draws the company's next sequence number. Undefined when the store is down: the answer then goes without one. */
async function drawSeq({ client, deps }: Received): Promise<number | undefined> {
  try {
    return (await deps.store.readWithSeq(client.companyId)).seq
  } catch (error) {
    deps.log.warn('Could not draw a sequence number', { error })
    return undefined
  }
}

const deps = once(
  (): MessageDeps => ({
    log: log(),
    store: companyStore(),
    queue: commandQueue(),
    publisher: publisher(),
    telemetry: telemetry(),
    rateLimit: rateLimit(),
    connectionsApi: connectionsApi(),
    pairing: pairing(),
    budget: budget(),
    staleMs: staleMs(),
    clock,
  }),
)

export const handler = message(deps)
