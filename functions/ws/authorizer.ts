/** Lets clients connect to the WebSocket API. Small on purpose: each connect waits for it, often cold. */
import * as v from 'valibot'
import { AuthorizerEnv, parseEnv } from '#shared/config/authorizer-env.ts'
import { type Caller, tokenSettings, tokenVerifier, type VerifyToken } from '../access/tokens.ts'
import { languageOf } from '../language.ts'
import { Handshake, headerOf, tokenOf } from './handshake.ts'

const AuthorizerEvent = v.object({ methodArn: v.string(), ...Handshake.entries })

/** What `requestContext.authorizer` carries in every later event of the connection; API Gateway makes it all strings. */
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
 * Answers `$connect`: a policy that allows a client of a company and denies an admin (403), whose token names no company
 * to listen to. Anything else is the error that API Gateway turns into 401.
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

/** API Gateway answers 401 to an error of exactly this text, and 500 to any other. */
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

/** A chunk of its own: log and Sentry weigh more than all the rest, and are for what never happens. */
async function reportFailure(event: unknown, error: unknown): Promise<void> {
  const { authorizerFailed } = await import('./authorizer-failure.ts')
  await authorizerFailed(event, error, process.env)
}
