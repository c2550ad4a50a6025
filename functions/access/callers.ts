/** Names of those whose requests are counted together (R34). The prefixes keep connections, companies and admins apart. */
import { createHash } from 'node:crypto'
import type { Caller } from './tokens.ts'

export const connectionName = (connectionId: string): string => `CONN#${connectionId}`

/**
 * Returns the name of an HTTP caller: a client's company, or an administrator's `sub`, or else the token. `sub` and token
 * are hashed: the first may be an e-mail address, and the second is a secret.
 */
export function callerName(caller: Caller, token: string): string {
  if (caller.role === 'marketplace') return `COMPANY#${caller.companyId}`
  return caller.sub === undefined ? `TOKEN#${hash(token)}` : `SUB#${hash(caller.sub)}`
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')
