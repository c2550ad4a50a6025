/** CORS. An HTTP API with a CORS configuration answers preflights by itself. */
import type { Cors } from '../template/cloud.ts'

/**
 * Returns the headers for a request from this origin; none when the origin is not allowed. They replace the function's
 * own.
 */
export function corsHeaders(cors: Cors | undefined, origin: string | undefined): Record<string, string> {
  if (cors === undefined || origin === undefined) return {}
  const allowed = allowedOrigin(cors, origin)
  if (allowed === undefined) return {}
  return {
    'access-control-allow-origin': allowed,
    ...(allowed !== '*' && { vary: 'origin' }),
    ...(cors.allowCredentials && { 'access-control-allow-credentials': 'true' }),
    ...(cors.exposeHeaders.length > 0 && { 'access-control-expose-headers': cors.exposeHeaders.join(',') }),
  }
}

/** Returns the headers of the answer to a preflight. */
export function preflightHeaders(cors: Cors, origin: string): Record<string, string> {
  const headers = corsHeaders(cors, origin)
  if (Object.keys(headers).length === 0) return {}
  return {
    ...headers,
    'access-control-allow-methods': cors.allowMethods.join(','),
    'access-control-allow-headers': cors.allowHeaders.join(','),
    ...(cors.maxAge !== undefined && { 'access-control-max-age': String(cors.maxAge) }),
  }
}

/** True when a request is a CORS preflight. */
export function isPreflight(method: string, headers: Readonly<Record<string, unknown>>): boolean {
  return (
    method === 'OPTIONS' && headers['origin'] !== undefined && headers['access-control-request-method'] !== undefined
  )
}

function allowedOrigin(cors: Cors, origin: string): string | undefined {
  if (cors.allowOrigins.includes('*')) return '*'
  const [scheme] = origin.split('//')
  return cors.allowOrigins.includes(origin) || cors.allowOrigins.includes(`${scheme}//*`) ? origin : undefined
}
