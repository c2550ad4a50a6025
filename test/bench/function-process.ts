/**
 * A program that `functions.ts` runs: loads a function's bundle, calls it with events of one route, and prints the
 * times.
 */
import { pathToFileURL } from 'node:url'

const [bundle = '', route = '', token = '', warmRuns = '0'] = process.argv.slice(2)
/**
 * Base of the ids of this process. Each event is of another company, because messages per connection and codes per
 * phone are limited.
 */
const run = process.pid * 100_000

const context = {
  getRemainingTimeInMillis: () => 10_000,
  functionName: 'bench',
  awsRequestId: 'bench',
}

const requestContext = (n: number) => ({
  routeKey: route,
  connectionId: `bench-${run + n}`,
  connectedAt: Date.now(),
  requestId: `request-${n}`,
  identity: { userAgent: 'bench' },
  authorizer: {
    principalId: `company-${run + n}`,
    companyId: `company-${run + n}`,
    role: 'marketplace',
    language: 'ru',
    exp: String(Math.floor(Date.now() / 1000) + 3_600),
  },
})

function eventOf(n: number): object {
  const connecting = {
    headers: { 'Sec-WebSocket-Protocol': `pairplane.v1, jwt.${token}` },
    queryStringParameters: null,
  }
  if (route === 'authorizer') return { type: 'REQUEST', methodArn: 'arn:bench', ...connecting }
  if (route.startsWith('$')) return { requestContext: requestContext(n), ...connecting }
  const phoneNumber = `+7900${String((run + n) % 10_000_000).padStart(7, '0')}`
  return { requestContext: requestContext(n), body: JSON.stringify({ action: route, phoneNumber, requestId: `r${n}` }) }
}

async function call(n: number): Promise<number> {
  const event = eventOf(n)
  const start = performance.now()
  const answer: unknown = await handler(event, context)
  const ms = performance.now() - start
  const text = JSON.stringify(answer)
  if (!/Allow|"statusCode":200/.test(text) || text.includes('error')) throw new Error(`${route}: ${text}`)
  return ms
}

const start = performance.now()
const { handler } = await import(pathToFileURL(bundle).href)
const importMs = performance.now() - start
const firstMs = await call(0)
// The first hundred calls warm up the compiler.
for (let n = 1; n <= (Number(warmRuns) > 0 ? 100 : 0); n++) await call(n)
const warmMs: number[] = []
for (let n = 0; n < Number(warmRuns); n++) warmMs.push(await call(1_000 + n))
process.stdout.write(`\n${JSON.stringify({ importMs, firstMs, warmMs })}\n`, () => process.exit())
