/** Protects the developer routes from web pages. */
import { sendJson } from './dev-api.ts'
import type { HttpHandler } from './gateway/http-api.ts'

/**
 * Refuses requests whose `Host` is not the loopback. A page on the internet can make a browser call a port of this machine
 * under a name of its own (DNS rebinding), and would get an admin token.
 */
export function loopbackOnly(handler: HttpHandler): HttpHandler {
  return async (request, response) => {
    const name = (request.headers.host ?? '').replace(/:\d+$/, '')
    if (name === 'localhost' || name === '127.0.0.1' || name === '[::1]') return handler(request, response)
    sendJson(response, 403, { message: `This is only served as localhost, not as ${name}` })
  }
}
