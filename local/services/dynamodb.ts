/** DynamoDB: dynalite, in memory or in a folder. */
import type { IncomingMessage } from 'node:http'
import dynalite from 'dynalite'
import type { Engine } from './engine.ts'
import { close, listen } from './listen.ts'

/** Starts DynamoDB. New tables are available at once instead of after half a second. */
export async function startDynamoDb(folder: string | undefined): Promise<Engine> {
  const server = dynalite({ createTableMs: 0, ...(folder !== undefined && { path: folder }) })
  server.on('request', survive)
  const url = await listen(server)
  return { url, server, stop: () => close(server) }
}

/**
 * Ignores errors of a request. dynalite throws when a client, such as a killed host, disconnects in the middle of one;
 * that would end the local run.
 */
function survive(request: IncomingMessage): void {
  request.removeAllListeners('error')
  request.on('error', () => undefined)
}
