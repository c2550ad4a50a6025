/** The event of an HTTP API, payload format 2.0. */
import { randomUUID } from 'node:crypto'
import { account } from '../services/account.ts'
import type { HttpApi } from '../template/cloud.ts'
import type { HttpMatch } from './http-routes.ts'
import { requestTime } from './request-time.ts'

/** An HTTP request as received, undecoded. */
export type WireRequest = {
  readonly method: string
  /** Path and query, undecoded. */
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly sourceIp: string
  readonly protocol: string
  readonly body: Buffer
}

/** Builds the event. Fields without a value are absent. */
export function httpEvent(request: WireRequest, match: HttpMatch, api: HttpApi, now: number) {
  const { path, query } = splitTarget(request.target)
  const { headers, cookies } = readHeaders(request)
  const parameters = queryParameters(query)
  const isBase64Encoded = request.body.length > 0 && !isText(headers['content-type'])
  return {
    version: '2.0',
    routeKey: match.route.routeKey,
    rawPath: path,
    rawQueryString: query,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(parameters !== undefined && { queryStringParameters: parameters }),
    requestContext: {
      accountId: account,
      apiId: api.apiId,
      domainName: headers['host'] ?? '',
      domainPrefix: (headers['host'] ?? '').split('.')[0] ?? '',
      http: {
        method: request.method,
        path,
        protocol: request.protocol,
        sourceIp: request.sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: match.route.routeKey,
      stage: api.stage,
      time: requestTime(now),
      timeEpoch: now,
    },
    ...(Object.keys(match.pathParameters).length > 0 && { pathParameters: match.pathParameters }),
    ...(request.body.length > 0 && { body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8') }),
    isBase64Encoded,
  }
}

/** Splits a request target into path and query. */
export function splitTarget(target: string): { path: string; query: string } {
  const [path = '', ...query] = target.split('?')
  return { path, query: query.join('?') }
}

/** Returns headers with lower-case names and duplicates joined by commas, and cookies in a list of their own. */
function readHeaders({ rawHeaders, sourceIp }: WireRequest) {
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    if (name === 'cookie') cookies.push(...value.split(/;\s*/))
    else if (name !== 'connection') headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`
  }
  headers['x-forwarded-for'] = headers['x-forwarded-for'] ? `${headers['x-forwarded-for']}, ${sourceIp}` : sourceIp
  headers['x-forwarded-proto'] ??= 'http'
  return { headers, cookies }
}

function queryParameters(query: string): Record<string, string> | undefined {
  const parameters = new URLSearchParams(query)
  if (parameters.size === 0) return undefined
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name).join(',')]))
}

/** True for a content type that functions get as text. Everything else, forms included, arrives in base64. */
function isText(contentType: string | undefined): boolean {
  const type = (contentType ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? ''
  return /^(text\/.*|application\/(json|javascript|xml|.*\+json|.*\+xml))$/.test(type)
}
