/** Stand-ins for trust and sight (`without-layers.ts`): same names, same shapes, nothing behind them. */
import { ok } from '#shared/domain/result.ts'

const nothing = async (): Promise<void> => {}

// functions/tokens.ts
export const tokenSettings = (env: object) => env
/** Believes what a token says. */
export const tokenVerifier = () => async (token: string) =>
  ok(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
export const isExpired = () => false

// functions/sight.ts, functions/reports.ts, functions/error-reporter.ts
const blind = { observe: () => {}, refused: () => {}, unexpected: () => {}, finish: nothing }
export const functionSight = () => blind
export const errorSight = () => blind
export const errorReporterOf = () => undefined

// shared/metrics.ts, shared/observed-store.ts, shared/dynamo/metric-store.ts
export const createMeter = () => undefined
export const observedCompanyStore = <Store>(store: Store): Store => store
export const dynamoMetricStore = () => undefined

// shared/code-budget.ts, shared/dynamo/budget-store.ts, shared/aws/secret.ts
export const budgetLimits = (env: object) => env
export const codeBudget = () => ({ take: async () => ok([]), giveBack: nothing, coolDown: nothing })
export const dynamoBudgetStore = () => undefined
export const secretsClient = () => undefined
export const cachedSecret = () => undefined

// functions/ws/message-rate.ts, shared/dynamo/message-counter.ts
export const messageRate = () => ({ isExceeded: async () => false })
export const dynamoMessageCounter = () => undefined
