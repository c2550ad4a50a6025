/** Stand-ins for the modules that `without-layers.ts` replaces: the same names and signatures, without any effect. */
import { ok } from '#shared/domain/values/result.ts'

const nothing = async (): Promise<void> => {}

// functions/access/tokens.ts
export const tokenSettings = (env: object) => env
/** Accepts every token without a check. */
export const tokenVerifier = () => async (token: string) =>
  ok(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
export const isExpired = () => false

// functions/telemetry/telemetry.ts, functions/telemetry/reports.ts, functions/telemetry/error-reporter.ts
const telemetry = { observe: () => {}, refused: () => {}, unexpected: () => {}, finish: nothing }
export const createTelemetry = () => telemetry
export const createErrorTelemetry = () => telemetry
export const errorReporterOf = () => undefined

// shared/telemetry/metrics.ts, shared/telemetry/observed-store.ts, shared/dynamo/fleet/metric-store.ts
export const createMeter = () => undefined
export const observedCompanyStore = <Store>(store: Store): Store => store
export const dynamoMetricStore = () => undefined

// shared/budget/code-budget.ts, shared/dynamo/clients/budget-store.ts, shared/aws/secret.ts
export const budgetLimits = (env: object) => env
export const codeBudget = () => ({ take: async () => ok([]), giveBack: nothing, coolDown: nothing })
export const dynamoBudgetStore = () => undefined
export const secretsClient = () => undefined
export const cachedSecret = () => undefined

// functions/access/rate-limit.ts, shared/dynamo/clients/request-counter.ts
export const connectionFloodSeconds = 3
export const rateLimit = () => ({ count: async () => 'within' })
export const dynamoRequestCounter = () => undefined
