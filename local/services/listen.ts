/** HTTP servers on the loopback, so that the local run opens no port to the network. */
import type { Server } from 'node:http'

/** Address that servers listen on. */
export const loopback = '127.0.0.1'

/**
 * Longer than any client keeps an idle connection, so that the server never closes one on which a request is just being
 * sent.
 */
const keepAliveMs = 75_000

/** Starts a server on a loopback port, 0 for a free one, and returns its origin. */
export async function listen(server: Server, port = 0): Promise<string> {
  server.keepAliveTimeout = keepAliveMs
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, loopback, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return `http://${loopback}:${portOf(server)}`
}

/** Returns the port that a started server listens on. */
function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port')
  return address.port
}

/** Stops a server and closes its open connections. */
export async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error === undefined || error === null ? resolve() : reject(error)))
    server.closeAllConnections()
  })
}
