/** What the HTTP API answers: JSON, and problems as RFC 9457 has them. The only file that knows status codes. */
import { errorSpec, type Failure, type Language } from '#shared/domain/values/errors.ts'
import { failureFields } from '#shared/protocol/server-messages.ts'

export type HttpResponse = {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A refusal of the HTTP API: a failure, the field at fault, and a status where it is not the code's own. */
export type Problem = Failure & {
  readonly field?: string
  readonly status?: number
  /** It is how an attempt ended, and has been counted as that. */
  readonly isCounted?: boolean
}

/** Answers carry pairing codes and phones: nobody between us and the client may keep them. */
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

/** Renders a refusal. A 5xx says what its code says and nothing else. */
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

/** Seconds after which a retry makes sense, where the failure itself does not know. */
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
