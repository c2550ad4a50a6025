/** The events of a WebSocket API, as API Gateway builds them. */
import { randomBytes } from 'node:crypto'
import { account, region } from '../services/account.ts'
import { requestTime } from './request-time.ts'

/** Data of a connection that is part of all its events. */
export type ConnectionInfo = {
  readonly connectionId: string
  /** Epoch ms. */
  readonly connectedAt: number
  readonly apiId: string
  readonly stage: string
  readonly domainName: string
  readonly sourceIp: string
  readonly userAgent: string | undefined
  /** Context from the authorizer, part of every later event. */
  readonly authorizer: Readonly<Record<string, string | number>> | undefined
}

/** The HTTP upgrade request of a connection. */
export type UpgradeRequest = {
  /** Names and values alternately, as received. */
  readonly rawHeaders: readonly string[]
  readonly query: URLSearchParams
}

type EventType = 'CONNECT' | 'MESSAGE' | 'DISCONNECT'

/** Builds the event of `$connect`. */
export function connectEvent(connection: ConnectionInfo, request: UpgradeRequest, now: number): object {
  return {
    ...headerParts(request, connection.sourceIp),
    ...queryParts(request.query),
    requestContext: requestContext(connection, '$connect', 'CONNECT', now),
    isBase64Encoded: false,
  }
}

/** Builds the event of the authorizer: that of `$connect`, with a type and an ARN. */
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

/** Returns the ARN that an authorizer's policy must allow. */
export function connectArn({ apiId, stage }: ConnectionInfo): string {
  return `arn:aws:execute-api:${region}:${account}:${apiId}/${stage}/$connect`
}

/** Builds the event of a message. It has neither headers nor a query. */
export function messageEvent(connection: ConnectionInfo, routeKey: string, body: string, now: number) {
  return {
    requestContext: { ...requestContext(connection, routeKey, 'MESSAGE', now), messageId: opaqueId() },
    body,
    isBase64Encoded: false,
  }
}

/** Builds the event of `$disconnect`. */
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

/** Returns a random id like API Gateway's: base64 with one padding character. */
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

/** Returns the headers in their original case, without hop-by-hop headers. */
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
