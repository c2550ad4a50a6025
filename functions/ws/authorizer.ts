/** Authorizer of the WebSocket API. It must stay small: each connect waits for it, often for a cold start. */
import * as v from 'valibot'
import { AuthorizerEnv, parseEnv } from '#shared/config/authorizer-env.ts'
import { type Caller, tokenSettings, tokenVerifier, type VerifyToken } from '../access/tokens.ts'
import { languageOf } from '../language.ts'
import { Handshake, headerOf, tokenOf } from './handshake.ts'

const AuthorizerEvent = v.object({ methodArn: v.string(), ...Handshake.entries })

/** Content of `requestContext.authorizer` in all later events of the connection. API Gateway turns it into strings. */
export type ConnectionContext = {
  readonly companyId: string
  readonly role: 'marketplace'
  readonly language: 'ru' | 'en'
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

/**
 * Returns the policy for a `$connect`: it allows a client of a company and denies an admin (403), whose token names no
 * company. Throws `Unauthorized` for a bad token, which API Gateway answers with 401, and other errors when the check
 * fails.
 */
export async function authorize(event: unknown, verify: VerifyToken): Promise<Policy> {
  const { methodArn, ...handshake } = v.parse(AuthorizerEvent, event)
  const token = tokenOf(handshake)
  const verified = token === undefined ? undefined : await verify(token)
  if (!verified?.ok) throw new Error(unauthorized)
  const caller = verified.value
  if (caller.role === 'admin') return policy('admin', 'Deny', methodArn)
  return { ...policy(caller.companyId, 'Allow', methodArn), context: contextOf(caller, handshake) }
}

/** Error message that API Gateway answers with 401; it answers any other with 500. */
const unauthorized = 'Unauthorized'
const isRefusal = (error: unknown): boolean => error instanceof Error && error.message === unauthorized

function contextOf(caller: Extract<Caller, { role: 'marketplace' }>, handshake: Handshake): ConnectionContext {
  const { companyId, role, lang, exp } = caller
  const language = languageOf(lang, handshake.queryStringParameters?.['lang'], headerOf(handshake, 'accept-language'))
  return { companyId, role, language, exp }
}

const policy = (principalId: string, effect: 'Allow' | 'Deny', methodArn: string): Policy => ({
  principalId,
  policyDocument: {
    Version: '2012-10-17',
    Statement: [{ Action: 'execute-api:Invoke', Effect: effect, Resource: methodArn }],
  },
})

let verifier: VerifyToken | undefined

export const handler = async (event: unknown): Promise<Policy> => {
  try {
    verifier ??= tokenVerifier(tokenSettings(parseEnv(AuthorizerEnv, process.env)))
    return await authorize(event, verifier)
  } catch (error) {
    if (!isRefusal(error)) await reportFailure(event, error)
    throw error
  }
}

/** Reports from a separate chunk: log and Sentry are larger than all the rest, and are almost never needed. */
async function reportFailure(event: unknown, error: unknown): Promise<void> {
  const { authorizerFailed } = await import('./authorizer-failure.ts')
  await authorizerFailed(event, error, process.env)
}
