/** Handler of client messages (requirements, "WebSocket API"): checks each one, runs its action, and always answers. */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import type { Connection } from '#shared/ports.ts'
import { type ClientAction, type ClientMessage, parseClientMessage } from '#shared/protocol/client-messages.ts'
import { type Envelope, errorMessage, type ServerMessage } from '#shared/protocol/server-messages.ts'
import { hangUp } from '#shared/push/publisher.ts'
import type { MessageRateLimit } from '../access/message-rate.ts'
import { isExpired } from '../access/tokens.ts'
import { failureOf } from '../failures.ts'
import { inRequest } from '../telemetry/request-context.ts'
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
import { type DeliveryDeps, deliveryTo } from './delivery.ts'
import { MessageEvent, type RouteResponse } from './events.ts'
import { type Remaining, withinTime } from './within-time.ts'

export type MessageDeps = ActionDeps &
  DeliveryDeps & { readonly telemetry: Telemetry; readonly rateLimit: MessageRateLimit }

/** Sender of the message, and its correlation id. */
type Sender = { readonly client: Connection; readonly correlationId: string; readonly deps: MessageDeps }

/** Answers one message. Never throws: the client gets an error event of ours, whatever happens. */
export async function receive(rawEvent: unknown, context: Remaining, baseDeps: MessageDeps): Promise<RouteResponse> {
  const event = v.safeParse(MessageEvent, rawEvent)
  if (!event.success) {
    // API Gateway does not send such events, and this one names no client that we could answer.
    baseDeps.log.error('Unknown event of the WebSocket API', { issues: event.issues.map((issue) => issue.message) })
    return { statusCode: 400 }
  }
  const { requestContext } = event.output
  const { connectionId, authorizer, requestId: correlationId } = requestContext
  const fields = { companyId: authorizer.companyId, connectionId, correlationId }
  const userAgent = requestContext.identity?.userAgent
  const response = await inRequest(fields, userAgent, () => answer(event.output, context, inContext(baseDeps, fields)))
  await baseDeps.telemetry.finish()
  return response
}

async function answer(
  { requestContext, body }: MessageEvent,
  context: Remaining,
  deps: MessageDeps,
): Promise<RouteResponse> {
  const { connectionId, connectedAt, authorizer, requestId: correlationId } = requestContext
  const { companyId, language, exp } = authorizer
  const sender = { client: { connectionId, companyId, language, connectedAt }, correlationId, deps }
  const parsed = parseClientMessage(body ?? undefined)
  const { requestId } = parsed.ok ? parsed.value : parsed.error
  if (isExpired(exp, deps.clock())) return endExpired(sender, requestId)
  if (await deps.rateLimit.isExceeded(connectionId)) return respond(rejectRateLimited(sender, requestId))
  if (parsed.ok) return respond(await execute(parsed.value, sender, context))
  const { field, detail } = parsed.error
  return respond(await refuse({ code: 'BAD_REQUEST', detail }, sender, { field, requestId }))
}

/** No sequence number: drawing one is a write, and rejecting a message must be cheaper than serving it. */
function rejectRateLimited(sender: Sender, requestId: string | undefined): ServerMessage {
  const failure: Failure = { code: 'RATE_LIMITED', retryAfter: 1 }
  report(failure, sender)
  return errorMessage(failure, envelopeOf(sender, undefined, requestId))
}

const inContext = (deps: MessageDeps, fields: Record<string, string>): MessageDeps => ({
  ...deps,
  log: deps.log.child(fields),
})

const respond = (frame: ServerMessage | undefined): RouteResponse => ({
  statusCode: 200,
  ...(frame && { body: JSON.stringify(frame) }),
})

/** Runs the action. An error that it throws becomes the failure event of the action. */
async function execute(message: ClientMessage, sender: Sender, context: Remaining): Promise<ServerMessage | undefined> {
  const { client, correlationId, deps } = sender
  const { action, requestId } = message
  const delivery = deliveryTo(client, deps)
  const call = {
    companyId: client.companyId,
    language: client.language,
    correlationId,
    waiting: { connectionId: client.connectionId, ...(requestId !== undefined && { requestId }) },
    notify: delivery.notify,
    envelope: (seq: number | undefined) => envelopeOf(sender, seq, requestId),
    drawSeq: () => drawSeq(sender),
  }
  deps.log.info('Message', { action, requestId })
  try {
    return await withinTime(context, runAction(action, message, call, deps).then(delivery.finish))
  } catch (error) {
    const failure = failureOf(error)
    report(failure, sender, error)
    // When the store is down it cannot give a number, and there is no time left to ask it again.
    const seq = failure.code === 'STORE_UNAVAILABLE' ? undefined : await call.drawSeq()
    return delivery.finish(errorMessage(failure, call.envelope(seq), failureEvents[action]))
  }
}

/** Event that reports the failure of each action. */
const failureEvents: Readonly<Record<ClientAction, Parameters<typeof errorMessage>[2]>> = {
  'request-pairing-code': 'pairing-code-error',
  'request-qr': 'pairing-code-error',
  'cancel-pairing': 'error',
  'reset-whatsapp-credentials': 'credentials-reset-error',
  'get-status': 'error',
  ping: 'error',
}

/** Ends a connection whose token has expired (R30): sends the reason, then closes it. */
async function endExpired(sender: Sender, requestId: string | undefined): Promise<RouteResponse> {
  const { client, deps } = sender
  const failure: Failure = { code: 'UNAUTHORIZED' }
  report(failure, sender)
  const seq = await drawSeq(sender)
  const about = { ...(seq !== undefined && { seq }), ...(requestId !== undefined && { requestId }) }
  await hangUp({ api: deps.connectionsApi, clock: deps.clock }, client, failure, about)
  // 200, because the client has its answer. API Gateway counts any other status as an error, and that raises an alarm.
  return { statusCode: 200 }
}

async function refuse(
  failure: Failure,
  sender: Sender,
  about: { readonly field: string; readonly requestId: string | undefined },
): Promise<ServerMessage> {
  report(failure, sender)
  return errorMessage(failure, envelopeOf(sender, await drawSeq(sender), about.requestId), 'error', about.field)
}

function report({ code }: Failure, { deps, correlationId, client }: Sender, error?: unknown): void {
  const about = { companyId: client.companyId, correlationId }
  deps.telemetry.refused(code, about)
  if (code === 'INTERNAL') deps.telemetry.unexpected(error, { ...about, code, component: 'message' })
  deps.log[errorSpec(code).level]('Message refused', { code, ...(error !== undefined && { error }) })
}

const envelopeOf = ({ client, deps }: Sender, seq: number | undefined, requestId: string | undefined): Envelope => ({
  companyId: client.companyId,
  language: client.language,
  at: deps.clock(),
  ...(seq !== undefined && { seq }),
  ...(requestId !== undefined && { requestId }),
})

/** Draws the company's next sequence number. Undefined when the store is down: the answer then goes without one. */
async function drawSeq({ client, deps }: Sender): Promise<number | undefined> {
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

export const handler = (event: unknown, context: Remaining): Promise<RouteResponse> => receive(event, context, deps())
