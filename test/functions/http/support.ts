import { credentialsRoutes } from '../../../functions/http/credentials.ts'
import { endpoint } from '../../../functions/http/endpoint.ts'
import { pairingRoutes } from '../../../functions/http/pairing.ts'
import { sessionsRoutes } from '../../../functions/http/sessions.ts'
import { httpEvent, lambdaContext, type World } from '../support.ts'

export const routes = {
  list: 'GET /api/whatsapp/sessions',
  detail: 'GET /api/whatsapp/sessions/{companyId}',
  attempt: 'GET /api/whatsapp/sessions/{companyId}/attempt',
  pair: 'POST /api/whatsapp/sessions/{companyId}/pairing-code',
  status: 'GET /api/whatsapp/sessions/{companyId}/credentials/status',
  remove: 'DELETE /api/whatsapp/sessions/{companyId}/credentials',
} as const

export type Answer = { status: number; headers: Record<string, string>; body: Record<string, unknown>; text: string }

/** HTTP API over a world: all routes behind the same stack as in Lambda. */
export function makeApi(world: World) {
  const handler = endpoint({ ...sessionsRoutes, ...pairingRoutes, ...credentialsRoutes }, () => world)
  return async (route: string, request: Parameters<typeof httpEvent>[1] = {}): Promise<Answer> => {
    const response = await handler(httpEvent(route, request), lambdaContext as never)
    const { statusCode, headers, body } = response
    return { status: statusCode, headers, body: JSON.parse(body), text: body }
  }
}
