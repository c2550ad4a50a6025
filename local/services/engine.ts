import type { Server } from 'node:http'

/** A service of AWS that runs inside this process and is reached over the wire like the real one. */
export type Engine = { readonly url: string; readonly server: Server; stop(): Promise<void> }
