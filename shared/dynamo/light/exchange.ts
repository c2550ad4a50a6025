/** Requests over kept connections. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Headers } from './signature.ts'

export type HttpRequest = { readonly endpoint: URL; readonly headers: Headers; readonly body: string }
export type HttpAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/**
 * Sends a request and returns the whole answer. Rejects when the connection fails, or when `signal` aborts. It calls
 * `onConnected` when the request has a connection.
 */
export type Exchange = (request: HttpRequest, signal: AbortSignal, onConnected?: () => void) => Promise<HttpAnswer>

/** Limits: `connectMs` for waiting for a free socket, connecting and the TLS handshake; `maxSockets` per client. */
export type ConnectionLimits = { readonly connectMs: number; readonly maxSockets: number }

/** Makes an exchange with connections of its own, over TLS where the endpoint is https. */
export function httpExchange({ connectMs, maxSockets }: ConnectionLimits): Exchange {
  const http = { request: httpRequest, agent: new HttpAgent({ keepAlive: true, maxSockets }) }
  const https = { request: httpsRequest, agent: new HttpsAgent({ keepAlive: true, maxSockets }) }
  return ({ endpoint, headers, body }, signal, onConnected) =>
    new Promise((resolve, reject) => {
      const isSecure = endpoint.protocol === 'https:'
      const { request, agent } = isSecure ? https : http
      const { port, pathname: path } = endpoint
      // Node takes an IPv6 address without its brackets.
      const host = endpoint.hostname.replace(/^\[|\]$/g, '')
      const sent = request({ agent, host, port, path, method: 'POST', headers, signal }, (response) => {
        const { statusCode: status = 0, headers } = response
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        // An answer that breaks off ends with Node's `ECONNRESET`.
        response.on('error', reject)
        response.on('end', () => resolve({ status, headers, body: Buffer.concat(parts) }))
      })
      const giveUp = (error: Error) => {
        // Node reports the end of a request that waits for a free socket only when it gets one.
        reject(error)
        sent.destroy(error)
      }
      const timer = setTimeout(() => giveUp(new NotConnected('No connection in time')), connectMs)
      const connected = () => {
        clearTimeout(timer)
        onConnected?.()
      }
      sent.on('socket', (socket: Socket) =>
        socket.connecting ? socket.once(isSecure ? 'secureConnect' : 'connect', connected) : connected(),
      )
      sent.on('close', () => clearTimeout(timer))
      sent.on('error', reject)
      sent.end(body)
    })
}

/** Thrown when no connection was established in time, so that nothing was sent. The SDK's error has the same name. */
class NotConnected extends Error {
  override readonly name = 'TimeoutError'
}
