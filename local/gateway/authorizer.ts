/** Evaluation of an authorizer's answer, as a WebSocket API does it. */
import * as v from 'valibot'
import type { Outcome } from '../invoke/outcome.ts'
import type { UpgradeRequest } from './websocket-events.ts'

export type Decision =
  | { readonly status: 'admitted'; readonly context: Readonly<Record<string, string>> }
  | { readonly status: 'refused'; readonly httpStatus: 401 | 403 | 500 }

const list = v.union([
  v.pipe(
    v.string(),
    v.transform((item) => [item]),
  ),
  v.array(v.string()),
])

const Answer = v.object({
  principalId: v.string(),
  policyDocument: v.object({
    Statement: v.array(
      v.object({ Effect: v.picklist(['Allow', 'Deny']), Action: v.optional(list, []), Resource: v.optional(list, []) }),
    ),
  }),
  context: v.nullish(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
})
type Statement = v.InferOutput<typeof Answer>['policyDocument']['Statement'][number]

/** True when every identity source is present. If not, the answer is 401 and the authorizer is not invoked. */
export function hasIdentity(sources: readonly string[], request: UpgradeRequest): boolean {
  return sources.every((source) => {
    const [, kind, name = ''] = /^route\.request\.(header|querystring)\.(.+)$/.exec(source) ?? []
    if (kind === 'querystring') return Boolean(request.query.get(name))
    if (kind === 'header') return hasHeader(request.rawHeaders, name)
    throw new Error(`The local run does not understand the identity source ${source}`)
  })
}

function hasHeader(rawHeaders: readonly string[], name: string): boolean {
  const index = rawHeaders.findIndex((item, i) => i % 2 === 0 && item.toLowerCase() === name.toLowerCase())
  return index >= 0 && rawHeaders[index + 1] !== ''
}

/**
 * Returns the decision: admitted when the policy allows `methodArn`, otherwise refused; the error `Unauthorized` means
 * 401.
 */
export function decide(outcome: Outcome, methodArn: string): Decision {
  if (outcome.status === 'failed') {
    return { status: 'refused', httpStatus: outcome.errorMessage === 'Unauthorized' ? 401 : 500 }
  }
  const answer = v.safeParse(Answer, outcome.value)
  if (!answer.success) return { status: 'refused', httpStatus: 500 }
  if (!allows(answer.output.policyDocument.Statement, methodArn)) return { status: 'refused', httpStatus: 403 }
  const context = Object.entries(answer.output.context ?? {}).map(([name, value]) => [name, String(value)])
  return { status: 'admitted', context: { ...Object.fromEntries(context), principalId: answer.output.principalId } }
}

function allows(statements: readonly Statement[], arn: string): boolean {
  const covering = statements.filter(
    ({ Action, Resource }) =>
      Action.some((pattern) => matches(pattern.toLowerCase(), 'execute-api:invoke')) &&
      Resource.some((pattern) => matches(pattern, arn)),
  )
  return covering.some(({ Effect }) => Effect === 'Allow') && covering.every(({ Effect }) => Effect === 'Allow')
}

/** True when a text matches a pattern with IAM's wildcards `*` and `?`. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${escaped}$`).test(text)
}
