/** Handler of client messages (requirements, "WebSocket API"): checks each one and runs its action. */
import { once } from '#shared/async/once.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Connection, ConnectionStore } from '#shared/ports.ts'
import {
  type ClientAction,
  type ClientMessage,
  failureEventOf,
  parseClientMessage,
} from '#shared/protocol/client-messages.ts'
import { type Envelope, errorMessage, type ServerMessage } from '#shared/protocol/server-messages.ts'
import { hangUp } from '#shared/push/publisher.ts'
import { connectionName } from '../access/callers.ts'
import { barMs, type RateLimit } from '../access/rate-limit.ts'
import { refusedFrom } from '../access/tokens.ts'
import { stack } from '../stack.ts'
import { type Audit, type Audited, auditOf, noAudit } from '../telemetry/audit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { clock, connectionStore, log } from '../wiring/connection-deps.ts'
import {
  budget,
  commandQueue,
  companyStore,
  connectionsApi,
  messageRateLimit,
  pairing,
  publisher,
  staleMs,
  telemetry,
} from '../wiring/deps.ts'
import { type ActionDeps, runAction } from './actions.ts'
import { type Delivery, type DeliveryDeps, deliveryTo } from './delivery.ts'
import { MessageEvent, type RouteResponse, requestOf } from './events.ts'

export type MessageDeps = ActionDeps &
  DeliveryDeps & {
    readonly telemetry: Telemetry
    readonly rateLimit: RateLimit
    readonly connections: Pick<ConnectionStore, 'bar'>
  }

/** Log message of every message that is refused or fails. A refused request for a change has its audit line instead. */
const refusedMessage = 'Message refused'

/** Actions that change nothing, and are not audited. */
const reading: readonly ClientAction[] = ['get-status', 'ping']

/** One message: its sender, its text as it was parsed, and the frames that are kept for the sender. */
type Received = {
  readonly client: Connection
  readonly correlationId: string
  /** Expiry of the sender's token, in epoch seconds. */
  readonly exp: number
  readonly message: ReturnType<typeof parseClientMessage>
  readonly delivery: Delivery
  readonly audit: Audit
  readonly deps: MessageDeps
}

/** Answers one message: the client gets an event of ours, whatever happens. */
export const message = stack<typeof MessageEvent, MessageDeps, RouteResponse>({
  component: 'message',
  failureMessage: refusedMessage,
  event: MessageEvent,
  begin: (event, deps) => {
    const received = receivedOf(event, deps)
    return {
      ...requestOf(event),
      run: () => answerAudited(received),
      failed: (failure) => answerFailure(failure, received),
    }
  },
  // Such an event names no client that we could answer.
  malformed: () => ({ statusCode: 400 }),
})

function receivedOf({ requestContext, body }: MessageEvent, deps: MessageDeps): Received {
  const { connectionId, connectedAt, authorizer, requestId: correlationId } = requestContext
  const { companyId, language, exp, role, sub } = authorizer
  const client = { connectionId, companyId, language, connectedAt }
  const parsed = parseClientMessage(body ?? undefined)
  const audit = auditFor(parsed, { role, companyId, sub: sub ?? undefined }, deps)
  return { client, correlationId, exp, message: parsed, delivery: deliveryTo(client, deps), audit, deps }
}

function auditFor(parsed: Received['message'], by: NonNullable<Audited['by']>, { log: lines }: MessageDeps): Audit {
  if (!parsed.ok || reading.includes(parsed.value.action)) return noAudit
  const { action, requestId } = parsed.value
  return auditOf({ action, by, ...(requestId !== undefined && { requestId }) }, lines)
}

async function answerAudited(received: Received): Promise<RouteResponse> {
  const response = await answer(received)
  received.audit.write()
  return response
}

async function answer(received: Received): Promise<RouteResponse> {
  const { client, exp, message: parsed, deps } = received
  if (deps.clock() >= refusedFrom(exp)) return end(received, { code: 'UNAUTHORIZED' })
  const rate = await deps.rateLimit.count(connectionName(client.connectionId))
  if (rate === 'flooding') {
    await barCompany(received)
    return end(received, tooMany)
  }
  if (rate === 'above') return respond(refusal(tooMany, received))
  if (parsed.ok) return respond(await execute(parsed.value, received))
  const { field, detail } = parsed.error
  return respond(refusal({ code: 'BAD_REQUEST', detail }, received, field))
}

const tooMany: Failure = { code: 'RATE_LIMITED', retryAfter: 1 }

/** No sequence number: drawing one is a write, and refusing a message must be cheaper than serving it. */
function refusal(failure: Failure, received: Received, field?: string): ServerMessage {
  return errorMessage(refuse(failure, received), envelopeOf(received, undefined), 'error', field)
}

const respond = (frame: ServerMessage | undefined): RouteResponse => ({
  statusCode: 200,
  ...(frame && { body: JSON.stringify(frame) }),
})

/** Runs the action. Returns the last frame for the client, if there is one. */
async function execute(parsed: ClientMessage, received: Received): Promise<ServerMessage | undefined> {
  const { client, correlationId, delivery, audit, deps } = received
  const { action, requestId } = parsed
  deps.log.debug('Message', { action, requestId })
  const call = {
    companyId: client.companyId,
    language: client.language,
    correlationId,
    waiting: { connectionId: client.connectionId, ...(requestId !== undefined && { requestId }) },
    onDecided: audit.decided,
    notify: delivery.notify,
    audit,
    envelope: (seq: number | undefined) => envelopeOf(received, seq),
    drawSeq: () => drawSeq(received),
  }
  return delivery.finish(await runAction(action, parsed, call, deps))
}

/** Sends the frames that the failed action has left for the client, and answers with its failure event. */
async function answerFailure(failure: Failure, received: Received): Promise<RouteResponse> {
  const { message: parsed, delivery, audit } = received
  audit.refused(failure.code)
  audit.write()
  // When the store is down it cannot give a number, and there is no time left to ask it again.
  const seq = failure.code === 'STORE_UNAVAILABLE' ? undefined : await drawSeq(received)
  const event = parsed.ok ? failureEventOf(parsed.value.action) : 'error'
  return respond(await delivery.finish(errorMessage(failure, envelopeOf(received, seq), event)))
}

/** Refuses new connections of the company for a while: the flood holds up all companies, and would just go on. */
async function barCompany({ client, deps }: Received): Promise<void> {
  try {
    await deps.connections.bar(client.companyId, deps.clock() + barMs)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    deps.log.warn('Could not refuse new connections after a flood', { error })
  }
}

/** Ends a connection whose token has expired (R30), or that floods us (R34): sends the reason, then closes it. */
async function end(received: Received, reason: Failure): Promise<RouteResponse> {
  const { client, deps } = received
  deps.log.info('Closing the connection', { code: reason.code })
  const failure = refuse(reason, received)
  const { requestId } = envelopeOf(received, undefined)
  await hangUp(
    { api: deps.connectionsApi, clock: deps.clock },
    client,
    failure,
    requestId === undefined ? {} : { requestId },
  )
  // 200, because the client has its answer. API Gateway counts any other status as an error, and that raises an alarm.
  return { statusCode: 200 }
}

/** Counts and logs a refusal, and returns it. */
function refuse(failure: Failure, { deps, correlationId, client, audit }: Received): Failure {
  deps.telemetry.refused(failure.code, { companyId: client.companyId, correlationId })
  audit.refused(failure.code)
  if (!audit.isKept) deps.log[errorSpec(failure.code).level](refusedMessage, { code: failure.code })
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
    rateLimit: messageRateLimit(),
    connectionsApi: connectionsApi(),
    connections: connectionStore(),
    pairing: pairing(),
    budget: budget(),
    staleMs: staleMs(),
    clock,
  }),
)

export const handler = message(deps)
