declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Makes (does not start) an HTTP server that speaks DynamoDB's protocol; in memory unless `path` names a folder. */
  export default function dynalite(options: { createTableMs?: number; path?: string }): Server
}
