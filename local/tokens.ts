/** Tokens for trying things: signed as a marketplace signs them (R30). */
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

/** As long as a connection may live. */
const defaultSeconds = 2 * 60 * 60

/** Makes the signer; secret, issuer and audience are the ones that the functions check against. */
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
  if (found === undefined) throw new Error('No function checks tokens by a secret: there is nothing to sign with')
  return found.environment
}
