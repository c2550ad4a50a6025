import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { httpApi, type TinyCloud } from '../support/assembly.ts'
import { heldAnswer, runCloud } from '../support/run.ts'

const echo =
  'export const handler = async (event) => ({ statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(event) })'

const returning = (expression: string, timeoutMs?: number): TinyCloud => ({
  functions: { Answer: { code: `export const handler = async (event) => { return ${expression} }` } },
  resources: httpApi({ 'GET /': 'Answer' }, { ...(timeoutMs && { timeoutMs }) }),
})

describe('the event', () => {
  test('has the shape of payload format 2.0', async () => {
    const run = await runCloud({
      functions: { Echo: { code: echo } },
      resources: httpApi({ 'POST /items/{id}': 'Echo' }),
    })
    const response = await fetch(`${run.url}/items/a%20b?x=1&x=2&y=%C3%A9`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Cookie: 'a=1; b=2', 'X-Custom': 'Value', 'user-agent': 'test' },
      body: '{"n":1}',
    })
    const event = (await response.json()) as Record<string, unknown>
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /items/{id}',
      rawPath: '/items/a%20b',
      rawQueryString: 'x=1&x=2&y=%C3%A9',
      cookies: ['a=1', 'b=2'],
      queryStringParameters: { x: '1,2', y: 'é' },
      pathParameters: { id: 'a b' },
      headers: { 'x-custom': 'Value', 'content-type': 'application/json' },
      body: '{"n":1}',
      isBase64Encoded: false,
      requestContext: {
        stage: '$default',
        http: { method: 'POST', path: '/items/a%20b', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      },
    })
    expect(event['headers']).not.toHaveProperty('cookie')
  })

  test('leaves out what is not there, and encodes what is not text', async () => {
    const run = await runCloud({ functions: { Echo: { code: echo } }, resources: httpApi({ 'ANY /{proxy+}': 'Echo' }) })
    const get = (await (await fetch(`${run.url}/a/b`)).json()) as object
    for (const absent of ['cookies', 'queryStringParameters', 'body']) expect(get).not.toHaveProperty(absent)
    expect(get).toMatchObject({ pathParameters: { proxy: 'a/b' }, rawQueryString: '' })
    const form = await fetch(`${run.url}/a`, { method: 'POST', body: new URLSearchParams({ a: '1' }) })
    expect(await form.json()).toMatchObject({ isBase64Encoded: true, body: Buffer.from('a=1').toString('base64') })
  })
})

describe('routes', () => {
  test('the most specific wins', async () => {
    const name = (text: string) => ({
      code: `export const handler = async () => ({ statusCode: 200, body: '${text}' })`,
    })
    const run = await runCloud({
      functions: { A: name('full'), B: name('variable'), C: name('greedy'), D: name('any method') },
      resources: httpApi({
        'GET /items/special': 'A',
        'GET /items/{id}': 'B',
        'GET /{proxy+}': 'C',
        'ANY /items/{id}': 'D',
      }),
    })
    const get = async (path: string, method = 'GET') => (await fetch(run.url + path, { method })).text()
    expect(await get('/items/special')).toBe('full')
    expect(await get('/items/other')).toBe('variable')
    expect(await get('/items/other/deep')).toBe('greedy')
    expect(await get('/items/other', 'DELETE')).toBe('any method')
  })

  test('what has none is not found', async () => {
    const run = await runCloud(returning('1'))
    for (const [method, path] of [
      ['GET', '/other'],
      ['POST', '/'],
      ['OPTIONS', '/'],
    ] as const) {
      const response = await fetch(run.url + path, { method })
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({ message: 'Not Found' })
    }
  })
})

describe('the answer', () => {
  test.each([
    [
      'a structured response',
      '({ statusCode: 201, headers: { "X-A": "1" }, cookies: ["a=1", "b=2"], body: "hi" })',
      201,
      'hi',
    ],
    ['a body in base64', '({ statusCode: 200, isBase64Encoded: true, body: "aGk=" })', 200, 'hi'],
    ['any other JSON', '({ a: 1 })', 200, '{"a":1}'],
    ['a text', '"plain"', 200, 'plain'],
    ['a crash', '(() => { throw new Error("no") })()', 500, '{"message":"Internal Server Error"}'],
    ['a status that is none', '({ statusCode: "soon" })', 500, '{"message":"Internal Server Error"}'],
  ])('is made of %s', async (_, expression, status, body) => {
    const run = await runCloud(returning(expression))
    const response = await fetch(run.url)
    expect(response.status).toBe(status)
    expect(await response.text()).toBe(body)
    if (status === 201) expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  test('does not wait longer than the integration may take', async () => {
    const run = await runCloud(returning('new Promise((done) => setTimeout(done, 5000))', 100))
    const response = await fetch(run.url)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ message: 'Service Unavailable' })
  })

  test('to a body above 10 MB is 413', async () => {
    const run = await runCloud({ functions: { Echo: { code: echo } }, resources: httpApi({ 'POST /': 'Echo' }) })
    const response = await fetch(run.url, { method: 'POST', body: Buffer.alloc(10 * 1024 * 1024 + 1) })
    expect(response.status).toBe(413)
  })

  test('beyond the throttle is 429', async () => {
    const throttle = { DefaultRouteSettings: { ThrottlingRateLimit: 0.01, ThrottlingBurstLimit: 3 } }
    const run = await runCloud({
      functions: { Echo: { code: echo } },
      resources: httpApi({ 'GET /': 'Echo' }, { stage: throttle }),
    })
    const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(run.url)).status))
    expect(statuses.toSorted()).toEqual([200, 200, 200, 429, 429])
  })
})

describe('CORS', () => {
  const CorsConfiguration = {
    ...{ AllowOrigins: ['https://shop.example'], AllowMethods: ['GET', 'DELETE'], AllowHeaders: ['authorization'] },
    ...{ ExposeHeaders: ['retry-after'], MaxAge: 3600 },
  }
  const cloud = {
    functions: { Echo: { code: echo } },
    resources: httpApi({ 'GET /': 'Echo' }, { api: { CorsConfiguration } }),
  }

  test('is answered by the gateway, for allowed origins only', async () => {
    const run = await runCloud(cloud)
    const preflight = (origin: string) =>
      fetch(run.url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'DELETE' } })
    const allowed = await preflight('https://shop.example')
    expect(allowed.status).toBe(204)
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-allow-methods': 'GET,DELETE',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '3600',
    })
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
    const get = await fetch(run.url, { headers: { origin: 'https://shop.example' } })
    expect(get.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    expect(get.headers.get('access-control-expose-headers')).toBe('retry-after')
  })

  test('is so with a route for everything, too, whose answers carry the headers', async () => {
    const run = await runCloud({ ...cloud, resources: httpApi({ $default: 'Echo' }, { api: { CorsConfiguration } }) })
    const origin = 'https://shop.example'
    const headers = { origin, 'access-control-request-method': 'DELETE' }
    expect((await fetch(`${run.url}/any`, { method: 'OPTIONS', headers })).status).toBe(204)
    const any = await fetch(`${run.url}/any/path`, { method: 'PUT', headers: { origin } })
    expect(await any.json()).toMatchObject({ routeKey: '$default', rawPath: '/any/path' })
    expect(any.headers.get('access-control-allow-origin')).toBe(origin)
  })
})

describe('functions', () => {
  test('see their own environment and nothing of this process', async () => {
    process.env['LEAKED'] = 'yes'
    const code = 'export const handler = async () => ({ ...process.env })'
    const run = await runCloud({
      functions: { Env: { code, variables: { OWN: { Ref: 'AWS::Region' } } } },
      resources: httpApi({ 'GET /': 'Env' }),
    })
    const env = (await (await fetch(run.url)).json()) as Record<string, string>
    expect(env).toMatchObject({ OWN: 'us-east-1', AWS_REGION: 'us-east-1', AWS_LAMBDA_FUNCTION_NAME: 'tiny-Env' })
    expect(env).not.toHaveProperty('LEAKED')
    expect(env['AWS_ENDPOINT_URL_DYNAMODB']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })

  test('keep their state while they are warm, and run at the same time when they are busy', async () => {
    const gate = await heldAnswer()
    const code = `let calls = 0
      export const handler = async (event) => {
        calls += 1
        if (event.rawPath === '/slow') await fetch('${gate.url}')
        return { statusCode: 200, body: String(calls) }
      }`
    const run = await runCloud({
      functions: { Count: { code } },
      resources: httpApi({ 'GET /': 'Count', 'GET /slow': 'Count' }),
    })
    const get = async (path: string) => (await fetch(run.url + path)).text()
    expect([await get('/'), await get('/')]).toEqual(['1', '2'])
    const slow = get('/slow')
    await gate.asked
    expect(await get('/')).toBe('1')
    gate.answer()
    expect(await slow).toBe('3')
  })

  test('stand still between invocations', async () => {
    const code = `let ticks = 0
      setInterval(() => { ticks += 1 }, 10)
      export const handler = async () => {
        const seen = ticks
        console.log('printed')
        setTimeout(() => console.log('too late'), 50)
        return { statusCode: 200, body: String(seen) }
      }`
    const run = await runCloud({ functions: { Idle: { code } }, resources: httpApi({ 'GET /': 'Idle' }) })
    const get = async () => Number(await (await fetch(run.url)).text())
    await get()
    await sleep(1500)
    expect(run.logged).toEqual(['printed'])
    expect(await get()).toBeLessThan(100)
  })

  test('that crash their process are started anew', async () => {
    const code = `export const handler = async (event) => {
      if (event.rawPath === '/exit') process.exit(3)
      if (event.rawPath === '/later') { Promise.reject(new Error('unhandled')); await new Promise((done) => setTimeout(done, 500)) }
      return { statusCode: 200, body: 'fine' }
    }`
    const run = await runCloud({ functions: { Odd: { code } }, resources: httpApi({ 'GET /{path}': 'Odd' }) })
    expect((await fetch(`${run.url}/exit`)).status).toBe(500)
    expect((await fetch(`${run.url}/later`)).status).toBe(500)
    expect(await (await fetch(`${run.url}/ok`)).text()).toBe('fine')
    expect(run.logged.join('\n')).toContain('unhandled')
  })

  test('that call a service which nobody serves are refused here, not by AWS', async () => {
    const code = `export const handler = async () => {
      const answer = await fetch(process.env.AWS_ENDPOINT_URL, { method: 'POST', headers: { 'x-amz-target': 'Logs.PutLogEvents' } })
      return { statusCode: 200, body: answer.status + ' ' + await answer.text() }
    }`
    const run = await runCloud({ functions: { Lost: { code } }, resources: httpApi({ 'GET /': 'Lost' }) })
    expect(await (await fetch(run.url)).text()).toContain('400 {"__type":"UnknownOperationException"')
    expect(run.logged.join()).toContain('Logs.PutLogEvents is not available in a local run')
  })
})
