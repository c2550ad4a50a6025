/** HTTP servers on the loopback: the only place where the local run opens a port. */
import type { Server } from 'node:http'

/** The only address that anything here listens on. */
export const loopback = '127.0.0.1'

/** Longer than any client keeps an idle connection, so that none is closed under a request that is just being sent. */
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

/** The port a started server listens on. */
function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port')
  return address.port
}

/** Stops a server; connections that are still open are cut. */
export async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error === undefined || error === null ? resolve() : reject(error)))
    server.closeAllConnections()
  })
}
