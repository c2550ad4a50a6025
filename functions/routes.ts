/** Table of functions and routes. It is plain data that the infrastructure, the local run and the tests read. */

/** Lambda function: its entry file and what it needs. The infrastructure grants it those rights and no more (R33). */
export type FunctionSpec = {
  readonly entry: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  /** Access to the control table. No function can reach the credentials table. */
  readonly table: 'none' | 'read' | 'readWrite'
  readonly sendsCommands: boolean
  readonly pushes: boolean
  readonly readsTokenSecret: boolean
  /** Reads the secret that keys the hash of phones in code budgets (R24). */
  readonly readsPhoneHashSecret: boolean
  /**
   * True for a function that refuses by throwing. Lambda counts that as an error, so an alarm on its errors would go
   * off for every bad token.
   */
  readonly refusesByThrowing: boolean
}

export const functions = {
  authorizer: fn('functions/ws/authorizer.ts', { readsTokenSecret: true, refusesByThrowing: true }),
  connect: fn('functions/ws/connect.ts', { table: 'readWrite', pushes: true }),
  disconnect: fn('functions/ws/disconnect.ts', { table: 'readWrite' }),
  message: fn('functions/ws/message.ts', {
    table: 'readWrite',
    sendsCommands: true,
    pushes: true,
    readsPhoneHashSecret: true,
  }),
  health: fn('functions/http/health.ts', {}),
  sessions: fn('functions/http/sessions.ts', { table: 'read', readsTokenSecret: true }),
  pairing: fn('functions/http/pairing.ts', {
    table: 'readWrite',
    sendsCommands: true,
    pushes: true,
    readsTokenSecret: true,
    readsPhoneHashSecret: true,
  }),
  credentials: fn('functions/http/credentials.ts', {
    table: 'readWrite',
    sendsCommands: true,
    pushes: true,
    readsTokenSecret: true,
  }),
  metrics: fn('functions/http/metrics.ts', { table: 'read', readsTokenSecret: true }),
  fleet: fn('functions/http/fleet.ts', { table: 'readWrite', readsTokenSecret: true }),
  watchdog: fn('functions/watchdog.ts', { table: 'readWrite', sendsCommands: true, pushes: true }),
} as const satisfies Record<string, FunctionSpec>

export type FunctionName = keyof typeof functions

/**
 * WebSocket routes by route key. All messages go to `$default`, whatever their action, so that one function can say
 * what is wrong with a message. It answers through its route response.
 */
export const webSocketRoutes = {
  $connect: 'connect',
  $disconnect: 'disconnect',
  $default: 'message',
} as const satisfies Record<string, FunctionName>

/**
 * HTTP routes by route key. `$default` takes all other requests, because API Gateway's own 404 is not a problem
 * document.
 */
export const httpRoutes = {
  'GET /api/health': 'health',
  'GET /api/whatsapp/sessions': 'sessions',
  'GET /api/whatsapp/sessions/{companyId}': 'sessions',
  'GET /api/whatsapp/sessions/{companyId}/attempt': 'pairing',
  'POST /api/whatsapp/sessions/{companyId}/pairing-code': 'pairing',
  'GET /api/whatsapp/sessions/{companyId}/credentials/status': 'credentials',
  'DELETE /api/whatsapp/sessions/{companyId}/credentials': 'credentials',
  'GET /api/whatsapp/metrics': 'metrics',
  'GET /api/whatsapp/fuse': 'fleet',
  'DELETE /api/whatsapp/fuse': 'fleet',
  $default: 'health',
} as const satisfies Record<string, FunctionName>

function fn(entry: string, spec: Partial<Omit<FunctionSpec, 'entry'>>): FunctionSpec {
  return {
    entry,
    memoryMb: 512,
    timeoutSeconds: 10,
    table: 'none',
    sendsCommands: false,
    pushes: false,
    readsTokenSecret: false,
    readsPhoneHashSecret: false,
    refusesByThrowing: false,
    ...spec,
  }
}
