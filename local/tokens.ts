/** Tokens for development, signed as a marketplace signs them (R30). */
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { SignJWT } from 'jose/jwt/sign'
import type { Clients } from './services/clients.ts'
import type { Cloud } from './template/cloud.ts'

type TokenRequest = {
  readonly companyId?: string | undefined
  readonly role: 'marketplace' | 'admin'
  readonly lang?: 'ru' | 'en' | undefined
  /** Seconds. */
  readonly expiresIn?: number | undefined
}

export type SignToken = (request: TokenRequest) => Promise<string>

/** API Gateway's limit for the duration of a connection. */
const defaultSeconds = 2 * 60 * 60

/** Creates the signer. It uses the secret, issuer and audience that the functions check. */
export function tokenSigner(cloud: Cloud, clients: Clients): SignToken {
  return async ({ companyId, role, lang, expiresIn = defaultSeconds }) => {
    const { TOKEN_SECRET_ARN, TOKEN_ISSUER = '', TOKEN_AUDIENCE = '' } = tokenEnvironment(cloud)
    const { SecretString } = await clients.secretsManager.send(
      new GetSecretValueCommand({ SecretId: TOKEN_SECRET_ARN }),
    )
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ role, ...(companyId !== undefined && { companyId }), ...(lang !== undefined && { lang }) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(TOKEN_ISSUER)
      .setAudience(TOKEN_AUDIENCE)
      .setIssuedAt(now)
      .setExpirationTime(now + expiresIn)
      .sign(new TextEncoder().encode(SecretString))
  }
}

function tokenEnvironment(cloud: Cloud): Readonly<Record<string, string>> {
  const found = cloud.functions.find(({ environment }) => environment['TOKEN_SECRET_ARN'])
  if (found === undefined) throw new Error('No function checks tokens with a secret, so tokens cannot be signed')
  return found.environment
}
