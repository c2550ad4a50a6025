/** The events of a WebSocket API, as API Gateway builds them. */
import { randomBytes } from 'node:crypto'
import { account, region } from '../services/account.ts'
import { requestTime } from './request-time.ts'

/** A connection as every one of its events describes it. */
export type ConnectionInfo = {
  readonly connectionId: string
  /** Epoch ms. */
  readonly connectedAt: number
  readonly apiId: string
  readonly stage: string
  readonly domainName: string
  readonly sourceIp: string
  readonly userAgent: string | undefined
  /** What the authorizer said about the client; part of every later event. */
  readonly authorizer: Readonly<Record<string, string | number>> | undefined
}

/** The HTTP request that asks for a connection. */
export type UpgradeRequest = {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly query: URLSearchParams
}

type EventType = 'CONNECT' | 'MESSAGE' | 'DISCONNECT'

/** The event of `$connect`. */
export function connectEvent(connection: ConnectionInfo, request: UpgradeRequest, now: number): object {
  return {
    ...headerParts(request, connection.sourceIp),
    ...queryParts(request.query),
    requestContext: requestContext(connection, '$connect', 'CONNECT', now),
    isBase64Encoded: false,
  }
}

/** The event of the authorizer: that of `$connect`, told apart by type and ARN. */
export function authorizerEvent(connection: ConnectionInfo, request: UpgradeRequest, now: number): object {
  return {
    type: 'REQUEST',
    methodArn: connectArn(connection),
    ...headerParts(request, connection.sourceIp),
    ...{ queryStringParameters: {}, multiValueQueryStringParameters: {}, ...queryParts(request.query) },
    stageVariables: {},
    requestContext: requestContext(connection, '$connect', 'CONNECT', now),
  }
}

/** What an authorizer's policy has to allow. */
export function connectArn({ apiId, stage }: ConnectionInfo): string {
  return `arn:aws:execute-api:${region}:${account}:${apiId}/${stage}/$connect`
}

/** The event of a message. It has neither headers nor a query. */
export function messageEvent(connection: ConnectionInfo, routeKey: string, body: string, now: number) {
  return {
    requestContext: { ...requestContext(connection, routeKey, 'MESSAGE', now), messageId: opaqueId() },
    body,
    isBase64Encoded: false,
  }
}

/** The event of `$disconnect`. */
export function disconnectEvent(connection: ConnectionInfo, code: number, reason: string, now: number): object {
  const host = { Host: connection.domainName, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' }
  return {
    headers: host,
    multiValueHeaders: Object.fromEntries(Object.entries(host).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...requestContext(connection, '$disconnect', 'DISCONNECT', now),
      disconnectStatusCode: code,
      disconnectReason: reason || (reasons[code] ?? ''),
    },
    isBase64Encoded: false,
  }
}

const reasons: Readonly<Record<number, string>> = {
  1001: 'Going away',
  1005: 'Client-side close frame status not set',
  1006: 'Connection Closed Abnormally',
}

/** An id like API Gateway's: base64 with one sign of padding. */
export function opaqueId(): string {
  return `${randomBytes(11).toString('base64url')}=`
}

function requestContext(connection: ConnectionInfo, routeKey: string, eventType: EventType, now: number) {
  const { authorizer, sourceIp, userAgent, ...shared } = connection
  const requestId = opaqueId()
  return {
    routeKey,
    ...(authorizer !== undefined && { authorizer }),
    eventType,
    extendedRequestId: requestId,
    requestTime: requestTime(now),
    messageDirection: 'IN',
    requestTimeEpoch: now,
    identity: { sourceIp, ...(userAgent !== undefined && { userAgent }) },
    requestId,
    ...shared,
  }
}

/** Headers in their original case; hop-by-hop ones do not arrive. */
function headerParts({ rawHeaders }: UpgradeRequest, sourceIp: string) {
  const multi: Record<string, string[]> = {}
  for (const [name, value] of pairs(rawHeaders)) {
    if (!/^(connection|upgrade)$/i.test(name)) multi[name] = [...(multi[name] ?? []), value]
  }
  const all = { ...multi, 'X-Forwarded-For': [sourceIp], 'X-Forwarded-Proto': ['http'] }
  return { headers: lastValues(all), multiValueHeaders: all }
}

function queryParts(query: URLSearchParams) {
  const multi: Record<string, string[]> = {}
  for (const name of query.keys()) multi[name] = query.getAll(name)
  if (Object.keys(multi).length === 0) return {}
  return { queryStringParameters: lastValues(multi), multiValueQueryStringParameters: multi }
}

function lastValues(multi: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(multi).map(([name, values]) => [name, values.at(-1) ?? '']))
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))
}
