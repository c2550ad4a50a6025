/** Responses of the HTTP API: JSON, and problem documents (RFC 9457). */
import { errorSpec, type Failure, type Language } from '#shared/domain/values/errors.ts'
import { failureFields } from '#shared/protocol/server-messages.ts'

export type HttpResponse = {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Refusal of the HTTP API: a failure, the wrong field, and a status if it differs from that of the error code. */
export type Problem = Failure & {
  readonly field?: string
  readonly status?: number
  /** True for the failure of an attempt: the decision that ended the attempt has counted it. */
  readonly isCounted?: boolean
}

/** Headers of all answers. Answers contain pairing codes and phones, so no cache may store them. */
const common = { 'cache-control': 'no-store' }

export const json = (
  statusCode: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json; charset=utf-8', ...common, ...headers },
  body: JSON.stringify(body),
})

/** Renders a problem document. A 5xx contains only the sentence of its error code. */
export function problemResponse(problem: Problem, language: Language): HttpResponse {
  const spec = errorSpec(problem.code)
  const status = problem.status ?? spec.httpStatus
  const { message, ...fields } = failureFields(status < 500 ? problem : withoutDetail(problem), language, problem.field)
  const body = {
    type: `urn:pairplane:error:${problem.code}`,
    title: spec[language],
    status,
    detail: message,
    ...fields,
  }
  return {
    statusCode: status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', ...common, ...headersOf(status, problem) },
    body: JSON.stringify(body),
  }
}

/** `Retry-After` in seconds by status, for failures without a `retryAfter` of their own. */
const retryAfter: Readonly<Record<number, number>> = { 429: 60, 503: 5 }

function headersOf(status: number, problem: Problem): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer' }
  const seconds = problem.retryAfter ?? retryAfter[status]
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
}

const withoutDetail = ({ code, action, retryAfter: seconds }: Problem): Failure => ({
  code,
  ...(action && { action }),
  ...(seconds !== undefined && { retryAfter: seconds }),
})
