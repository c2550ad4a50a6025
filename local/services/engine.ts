import type { Server } from 'node:http'

/** An AWS service that runs inside this process and is called over HTTP like the real one. */
export type Engine = { readonly url: string; readonly server: Server; stop(): Promise<void> }
