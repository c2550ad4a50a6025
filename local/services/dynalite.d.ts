declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Creates (but does not start) an HTTP server with DynamoDB's protocol; in memory unless `path` names a folder. */
  export default function dynalite(options: { createTableMs?: number; path?: string }): Server
}
