/**
 * A program that `functions.ts` and `control-plane-cpu.ts` run: loads a function's bundle, calls it with events of one
 * route, and prints the times. A route of the HTTP API is its route key, such as `GET /api/health`.
 */
import { pathToFileURL } from 'node:url'
import { SignJWT } from 'jose/jwt/sign'

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

async function eventOf(n: number): Promise<object> {
  if (route.includes(' ')) return httpEvent(`company-${run + n}`, phoneOf(n))
  const connecting = {
    headers: { 'Sec-WebSocket-Protocol': `pairplane.v1, jwt.${token}` },
    queryStringParameters: null,
  }
  if (route === 'authorizer') return { type: 'REQUEST', methodArn: 'arn:bench', ...connecting }
  if (route.startsWith('$')) return { requestContext: requestContext(n), ...connecting }
  const body = JSON.stringify({ action: route, phoneNumber: phoneOf(n), requestId: `r${n}` })
  return { requestContext: requestContext(n), body }
}

const phoneOf = (n: number) => `+7900${String((run + n) % 10_000_000).padStart(7, '0')}`

/** Makes a request of a client of the company, with a token of its own. */
async function httpEvent(companyId: string, phoneNumber: string): Promise<object> {
  const [method = '', path = ''] = route.split(' ')
  const signed = await new SignJWT({ role: 'marketplace', companyId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(process.env['TOKEN_ISSUER'] ?? '')
    .setAudience(process.env['TOKEN_AUDIENCE'] ?? '')
    .setExpirationTime('2h')
    .sign(new TextEncoder().encode(process.env['BENCH_TOKEN_KEY'] ?? ''))
  return {
    version: '2.0',
    routeKey: route,
    rawPath: path.replace('{companyId}', companyId),
    headers: { authorization: `Bearer ${signed}`, 'user-agent': 'bench' },
    ...(path.includes('{') && { pathParameters: { companyId } }),
    ...(method === 'POST' && { body: JSON.stringify({ phoneNumber }) }),
    isBase64Encoded: false,
    requestContext: { requestId: `request-${companyId}`, routeKey: route, http: { method, path } },
  }
}

async function call(event: object): Promise<number> {
  const start = performance.now()
  const answer: unknown = await handler(event, context)
  const ms = performance.now() - start
  const text = JSON.stringify(answer)
  if (!/Allow|"statusCode":20[02]/.test(text) || text.includes('error')) throw new Error(`${route}: ${text}`)
  return ms
}

const start = performance.now()
const { handler } = await import(pathToFileURL(bundle).href)
const importMs = performance.now() - start
const firstMs = await call(await eventOf(0))
// The first hundred calls warm up the compiler.
for (let n = 1; n <= (Number(warmRuns) > 0 ? 100 : 0); n++) await call(await eventOf(n))
// Made before the calls, so that signing tokens is not measured as CPU time of the function.
const events = await Promise.all(Array.from({ length: Number(warmRuns) }, (_, n) => eventOf(1_000 + n)))
const warmMs: number[] = []
const used = process.cpuUsage()
for (const event of events) warmMs.push(await call(event))
const { user, system } = process.cpuUsage(used)
const cpuMs = (user + system) / 1000
process.stdout.write(`\n${JSON.stringify({ importMs, firstMs, warmMs, cpuMs })}\n`, () => process.exit())
