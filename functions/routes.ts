/** Table of functions and routes. It is plain data that the infrastructure, the local run and the tests read. */

/** Partition of the control table by the form of its key; `*` stands for an id (docs/architecture.md, "Tables"). */
export type Partition =
  | 'C#*'
  | 'SHARD#*'
  | 'HOST#*'
  | 'FUSE'
  | 'BUDGET#*'
  | 'PHONE#*'
  | 'IDEM#*'
  | 'METRIC#*'
  | 'RATE#*'

/** Call of DynamoDB. There is no scan: nothing in the product walks through a whole table. */
export type ItemAction =
  | 'GetItem'
  | 'BatchGetItem'
  | 'Query'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem'
  | 'BatchWriteItem'

/** Actions on a table that are granted for items of these partitions and no others. */
export type TableRight<P extends string = Partition> = {
  readonly partitions: readonly P[]
  readonly actions: readonly ItemAction[]
}

/** Lambda function: its entry file and what it needs. The infrastructure grants it those rights and no more (R33). */
export type FunctionSpec = {
  readonly entry: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  /** Rights on the control table. No function can reach the credentials table. */
  readonly table: readonly TableRight[]
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

/** Items that a function needs which decides about companies and pushes what it has decided. */
const decides: readonly TableRight[] = [
  // The state; the list of connections, from which a push removes those that are gone.
  { partitions: ['C#*'], actions: ['GetItem', 'Query', 'UpdateItem', 'DeleteItem'] },
  // The list of the shard's companies.
  { partitions: ['SHARD#*'], actions: ['UpdateItem', 'DeleteItem'] },
  // A decision that ends an attempt before its code was used gives the code back.
  { partitions: ['BUDGET#*'], actions: ['GetItem', 'PutItem'] },
  { partitions: ['METRIC#*'], actions: ['UpdateItem'] },
]

/** Items of a function that takes codes from the budgets: a phone's companies have a reserve (R24). */
const takesCodes: readonly TableRight[] = [{ partitions: ['PHONE#*'], actions: ['Query'] }]

/** Items of a function whose callers are counted (R34). */
const counted: readonly TableRight[] = [{ partitions: ['RATE#*'], actions: ['UpdateItem'] }]

export const functions = {
  authorizer: fn('functions/ws/authorizer.ts', { readsTokenSecret: true, refusesByThrowing: true }),
  connect: fn('functions/ws/connect.ts', {
    table: [{ partitions: ['C#*'], actions: ['Query', 'PutItem', 'DeleteItem'] }],
    pushes: true,
  }),
  disconnect: fn('functions/ws/disconnect.ts', {
    table: [{ partitions: ['C#*'], actions: ['Query', 'DeleteItem'] }],
  }),
  message: fn('functions/ws/message.ts', {
    table: [
      ...decides,
      ...takesCodes,
      // The lease, for whether a host looks after the company.
      { partitions: ['SHARD#*'], actions: ['GetItem'] },
      // A message above the rate looks at the counters of the seconds before.
      { partitions: ['RATE#*'], actions: ['UpdateItem', 'GetItem'] },
    ],
    sendsCommands: true,
    pushes: true,
    readsPhoneHashSecret: true,
  }),
  health: fn('functions/http/health.ts', {}),
  sessions: fn('functions/http/sessions.ts', {
    table: [
      ...counted,
      { partitions: ['C#*'], actions: ['GetItem'] },
      { partitions: ['SHARD#*'], actions: ['GetItem', 'Query'] },
    ],
    readsTokenSecret: true,
  }),
  pairing: fn('functions/http/pairing.ts', {
    table: [
      ...decides,
      ...takesCodes,
      ...counted,
      { partitions: ['IDEM#*'], actions: ['GetItem', 'PutItem', 'UpdateItem'] },
    ],
    sendsCommands: true,
    pushes: true,
    readsTokenSecret: true,
    readsPhoneHashSecret: true,
  }),
  credentials: fn('functions/http/credentials.ts', {
    table: [...decides, ...counted],
    sendsCommands: true,
    pushes: true,
    readsTokenSecret: true,
  }),
  metrics: fn('functions/http/metrics.ts', {
    table: [
      ...counted,
      { partitions: ['METRIC#*'], actions: ['Query'] },
      { partitions: ['SHARD#*', 'HOST#*'], actions: ['BatchGetItem'] },
    ],
    readsTokenSecret: true,
  }),
  fleet: fn('functions/http/fleet.ts', {
    table: [...counted, { partitions: ['FUSE'], actions: ['GetItem', 'PutItem'] }],
    readsTokenSecret: true,
  }),
  watchdog: fn('functions/watchdog.ts', {
    table: decides,
    sendsCommands: true,
    pushes: true,
  }),
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
    table: [],
    sendsCommands: false,
    pushes: false,
    readsTokenSecret: false,
    readsPhoneHashSecret: false,
    refusesByThrowing: false,
    ...spec,
  }
}
