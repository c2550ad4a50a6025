/** Conversion of a function's outcome into an HTTP response, as an HTTP API does it. */
import * as v from 'valibot'
import type { Outcome } from '../invoke/outcome.ts'
import { timedOut } from './with-timeout.ts'

export type HttpAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: Buffer
}

const HeaderValue = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String))
const Structured = v.object({
  statusCode: v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{3}$/), v.transform(Number))]),
    v.integer(),
    v.minValue(100),
    v.maxValue(599),
  ),
  headers: v.nullish(v.record(v.string(), HeaderValue)),
  cookies: v.nullish(v.array(v.string())),
  body: v.nullish(v.string()),
  isBase64Encoded: v.nullish(v.boolean()),
})

/** Returns an error response of API Gateway itself. */
export function gatewayAnswer(status: number, message: string): HttpAnswer {
  return jsonAnswer(status, { message })
}

/**
 * Converts an outcome: a structured response as it says, any other JSON as a body with status 200, a failure as 500 or
 * 503.
 */
export function httpAnswer(outcome: Outcome): HttpAnswer {
  if (outcome.status === 'failed') {
    return outcome.errorType === timedOut
      ? gatewayAnswer(503, 'Service Unavailable')
      : gatewayAnswer(500, 'Internal Server Error')
  }
  if (!hasStatusCode(outcome.value)) return plainAnswer(outcome.value)
  const parsed = v.safeParse(Structured, outcome.value)
  if (!parsed.success) return gatewayAnswer(500, 'Internal Server Error')
  const { statusCode, headers, cookies, body, isBase64Encoded } = parsed.output
  return {
    status: statusCode,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
      ...(cookies && cookies.length > 0 && { 'set-cookie': cookies }),
    },
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
  }
}

function hasStatusCode(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'statusCode' in value
}

function plainAnswer(value: unknown): HttpAnswer {
  if (typeof value === 'string') return { ...jsonAnswer(200, {}), body: Buffer.from(value) }
  return jsonAnswer(200, value)
}

function jsonAnswer(status: number, value: unknown): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) }
}
