/** Authorizer of the WebSocket API. It must stay small: each connect waits for it, often for a cold start. */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import { AuthorizerEnv, parseEnv } from '#shared/config/authorizer-env.ts'
import { tokenCheckFailed } from '#shared/telemetry/metric-names.ts'
import { type Caller, type TokenSettings, tokenSettings, tokenVerifier, type VerifyToken } from '../access/tokens.ts'
import type { Reporting } from '../failures.ts'
import { languageOf } from '../language.ts'
import { type Context, stack } from '../stack.ts'
import { Handshake, headerOf, tokenOf } from './handshake.ts'

const AuthorizerEvent = v.object({
  methodArn: v.string(),
  requestContext: v.nullish(v.object({ requestId: v.nullish(v.string()) })),
  ...Handshake.entries,
})

export type AuthorizerDeps = {
  /** Makes the check of tokens at first use, within the stack: an environment without its settings is reported. */
  readonly verifier: () => VerifyToken
  readonly loadReporting: () => Promise<Reporting>
}

/** Content of `requestContext.authorizer` in all later events of the connection. API Gateway turns it into strings. */
export type ConnectionContext = {
  readonly companyId: string
  readonly role: 'marketplace'
  readonly language: 'ru' | 'en'
  readonly sub?: string
  /** Epoch seconds. */
  readonly exp: number
}

type Policy = {
  readonly principalId: string
  readonly policyDocument: {
    readonly Version: '2012-10-17'
    readonly Statement: readonly {
      readonly Action: 'execute-api:Invoke'
      readonly Effect: 'Allow' | 'Deny'
      readonly Resource: string
    }[]
  }
  readonly context?: ConnectionContext
}

/** Error message that API Gateway answers with 401; it answers any other with 500. */
const unauthorized = 'Unauthorized'

const check = stack<typeof AuthorizerEvent, AuthorizerDeps, Policy | typeof unauthorized>({
  component: 'authorizer',
  failureMessage: tokenCheckFailed,
  event: AuthorizerEvent,
  begin: (event, deps) => ({
    fields: { correlationId: event.requestContext?.requestId },
    run: () => policyFor(event, deps.verifier()),
  }),
})

/**
 * Makes the authorizer. It throws `Unauthorized` for a bad token, which is a refusal and not a failure, and any other
 * error when the check fails.
 */
export function authorizer(makeDeps: () => AuthorizerDeps): (event: unknown, context?: Context) => Promise<Policy> {
  const checked = check(makeDeps)
  return async (event, context) => {
    const answer = await checked(event, context)
    if (answer === unauthorized) throw new Error(unauthorized)
    return answer
  }
}

/** Returns a policy that allows a client of a company and denies an admin (403), whose token names no company. */
async function policyFor(
  { methodArn, ...handshake }: v.InferOutput<typeof AuthorizerEvent>,
  verify: VerifyToken,
): Promise<Policy | typeof unauthorized> {
  const token = tokenOf(handshake)
  const verified = token === undefined ? undefined : await verify(token)
  if (!verified?.ok) return unauthorized
  const caller = verified.value
  if (caller.role === 'admin') return policy('admin', 'Deny', methodArn)
  return { ...policy(caller.companyId, 'Allow', methodArn), context: contextOf(caller, handshake) }
}

function contextOf(caller: Extract<Caller, { role: 'marketplace' }>, handshake: Handshake): ConnectionContext {
  const { companyId, role, lang, sub, exp } = caller
  const language = languageOf(lang, handshake.queryStringParameters?.['lang'], headerOf(handshake, 'accept-language'))
  return { companyId, role, language, ...(sub !== undefined && { sub }), exp }
}

const policy = (principalId: string, effect: 'Allow' | 'Deny', methodArn: string): Policy => ({
  principalId,
  policyDocument: {
    Version: '2012-10-17',
    Statement: [{ Action: 'execute-api:Invoke', Effect: effect, Resource: methodArn }],
  },
})

const loadReporting = once(async () => (await import('./authorizer-reporting.ts')).authorizerReporting(process.env))
const warn: TokenSettings['warn'] = async (...line) => (await loadReporting()).log.warn(...line)
const verifier = once(() => tokenVerifier(tokenSettings(parseEnv(AuthorizerEnv, process.env), warn)))

export const handler = authorizer(() => ({ verifier, loadReporting }))
