/**
 * The HTTP API over real requests (requirements, "HTTP API"): routes, permissions and errors; and `npm run admin`,
 * which uses it.
 */
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { link, type Phone, type Stage, startStage, steadyLeases } from '../support/stage.ts'

let stage: Stage
let linked: { companyId: string; phone: Phone }
let client: Client
const admin = { role: 'admin' } as const
const sessions = '/api/whatsapp/sessions'

beforeAll(async () => {
  stage = await startStage({ environment: steadyLeases })
  linked = stage.fresh()
  client = await link(stage, linked.companyId, linked.phone)
})
afterAll(async () => {
  await client?.close()
  await stage?.stop()
})

describe('what is answered', () => {
  it('health: to anyone, and nothing but liveness and version', async () => {
    const health = await stage.http('GET', '/api/health')
    expect(health).toMatchObject({ status: 200, body: { status: 'ok', version: expect.any(String) } })
    expect(Object.keys(health.body)).toHaveLength(2)
  })

  it('a session: in clear for admins, masked for its own client', async () => {
    const path = `${sessions}/${linked.companyId}`
    const seen = { companyId: linked.companyId, session: 'connected', attempt: null, since: expect.any(String) }
    expect((await stage.http('GET', path, admin)).body).toMatchObject({
      ...seen,
      phoneNumber: linked.phone.number,
      hostId: expect.any(String),
    })
    const own = await stage.http('GET', path, { companyId: linked.companyId })
    expect(own.body).toMatchObject({ ...seen, phoneNumber: expect.stringContaining('***') })
  })

  it('a company never seen: none, with 200', async () => {
    const answer = await stage.http('GET', `${sessions}/never-seen`, admin)
    expect(answer).toMatchObject({ status: 200, body: { session: 'none', phoneNumber: null, attempt: null } })
    expect((await stage.http('GET', `${sessions}/never-seen/attempt`, admin)).body).toMatchObject({ attempt: null })
    expect((await stage.http('GET', `${sessions}/never-seen/credentials/status`, admin)).body).toEqual({
      hasCredentials: false,
      storedPhone: null,
      canReset: false,
    })
    expect((await stage.http('DELETE', `${sessions}/never-seen/credentials`, admin)).body).toEqual({
      success: true,
      message: 'Credentials deleted',
      unlinked: 'not-linked',
    })
  })

  it('pages: each session once, whatever the size of a page', async () => {
    const others = [stage.fresh(), stage.fresh()]
    for (const { companyId, phone } of others) {
      const path = `${sessions}/${companyId}/pairing-code`
      await stage.http('POST', path, admin, { body: { phoneNumber: phone.number } })
    }
    const seen: unknown[] = []
    let cursor: unknown = ''
    do {
      const query: string = cursor ? `&cursor=${cursor}` : ''
      const { body } = await stage.http('GET', `${sessions}?limit=1${query}`, admin)
      const page = body['sessions'] as { companyId: string }[]
      expect(page.length).toBeLessThanOrEqual(1)
      seen.push(...page.map(({ companyId }) => companyId))
      cursor = body['cursor']
    } while (cursor)
    const companies = [linked, ...others].map(({ companyId }) => companyId)
    expect(seen.toSorted()).toEqual(companies.toSorted())
    const connected = await stage.http('GET', `${sessions}?state=connected`, admin)
    expect(connected.body['sessions']).toMatchObject([{ companyId: linked.companyId }])
  })

  it('the metrics by their names', async () => {
    const { body } = await stage.http('GET', '/api/whatsapp/metrics', admin)
    expect(Object.keys(body)).toEqual(
      expect.arrayContaining([
        'phone_mismatch_count',
        'phone_mismatch_rate',
        'avg_cleanup_time_ms',
        'cleanup_success_rate',
        'credential_age_on_mismatch',
        'time_to_code_ms',
        'time_to_link_ms',
        'attempts_by_outcome',
        'sessions_by_state',
        'hosts',
      ]),
    )
  })
})

describe('what is refused', () => {
  it.each<
    [name: string, method: string, path: string, as: object | undefined, body: unknown, status: number, code: string]
  >([
    ['no token', 'GET', `${sessions}/x`, undefined, undefined, 401, 'UNAUTHORIZED'],
    ['another company', 'GET', `${sessions}/x`, { companyId: 'y' }, undefined, 403, 'FORBIDDEN'],
    ['a list, to a client', 'GET', sessions, { companyId: 'y' }, undefined, 403, 'FORBIDDEN'],
    ['metrics, to a client', 'GET', '/api/whatsapp/metrics', { companyId: 'y' }, undefined, 403, 'FORBIDDEN'],
    ['another company’s reset', 'DELETE', `${sessions}/x/credentials`, { companyId: 'y' }, undefined, 403, 'FORBIDDEN'],
    ['companyId', 'GET', `${sessions}/a%20b`, admin, undefined, 400, 'BAD_REQUEST'],
    ['limit', 'GET', `${sessions}?limit=0`, admin, undefined, 400, 'BAD_REQUEST'],
    ['limit', 'GET', `${sessions}?limit=101`, admin, undefined, 400, 'BAD_REQUEST'],
    ['state', 'GET', `${sessions}?state=odd`, admin, undefined, 400, 'BAD_REQUEST'],
    ['cursor', 'GET', `${sessions}?cursor=odd`, admin, undefined, 400, 'BAD_REQUEST'],
    ['phoneNumber', 'POST', `${sessions}/x/pairing-code`, admin, {}, 400, 'BAD_REQUEST'],
    ['phoneNumber', 'POST', `${sessions}/x/pairing-code`, admin, { phoneNumber: 7 }, 400, 'BAD_REQUEST'],
    ['phoneNumber', 'POST', `${sessions}/x/pairing-code`, admin, { phoneNumber: '123' }, 400, 'INVALID_PHONE_FORMAT'],
    ['body', 'POST', `${sessions}/x/pairing-code`, admin, '{', 400, 'BAD_REQUEST'],
  ])('%s: %s %s', async (name, method, path, as, body, status, code) => {
    const answer = await stage.http(method, path, as, body === undefined ? {} : { body })
    expect(answer).toMatchObject({
      status,
      body: { status, code, title: expect.any(String), type: expect.any(String) },
    })
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    if (status === 400) expect(answer.body['field']).toBe(name)
    if (status === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('in Russian, or in English when it is asked for', async () => {
    const titles = [undefined, 'en'].map(async (language) => {
      const extras = { body: { phoneNumber: '123' }, ...(language && { headers: { 'accept-language': language } }) }
      return (await stage.http('POST', `${sessions}/x/pairing-code`, admin, extras)).body['title']
    })
    expect(await Promise.all(titles)).toEqual([expect.stringMatching(/[а-я]/), expect.stringMatching(/^[ -~]+$/)])
  })

  it('too many: 429 with Retry-After', async () => {
    const { companyId, phone } = stage.fresh()
    const path = `${sessions}/${companyId}/pairing-code`
    const ask = () => stage.http('POST', path, admin, { body: { phoneNumber: phone.number } })
    await phone.behave('rate-limited')
    await ask()
    const poll = async () => (await stage.http('GET', `${sessions}/${companyId}/attempt`, admin)).body['attempt']
    await expect.poll(poll).toMatchObject({ state: 'failed', error: { code: 'RATE_LIMITED' } })
    const refused = await ask()
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('DynamoDB away: 503 with Retry-After, and no word about why', async () => {
    stage.run.faults.set('dynamodb', { how: 'down' })
    const answer = await stage.http('GET', `${sessions}/${linked.companyId}`, admin)
    stage.run.faults.set('dynamodb', { how: 'ok' })
    expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } })
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|dynamo|socket/i)
  })
})

it('CORS: preflights are answered, and answers carry the allowed origin', async () => {
  const origin = 'http://localhost:3000'
  const preflight = await fetch(`${stage.run.url}${sessions}/x/pairing-code`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('idempotency-key')
  const refused = await stage.http('GET', `${sessions}/x`, undefined, { headers: { origin } })
  expect(refused.headers.get('access-control-allow-origin')).toMatch(/^(\*|http:\/\/localhost:3000)$/)
})

describe('npm run admin', () => {
  type Ran = { readonly exitCode: number; readonly out: string; readonly err: string }
  const run = (...args: string[]) =>
    new Promise<Ran>((resolve) => {
      const argv = ['local/cli/admin.ts', ...args, '--url', stage.run.url]
      const child = execFile(process.execPath, argv, (_error, out, err) =>
        resolve({ exitCode: child.exitCode ?? -1, out, err }),
      )
    })

  it('lists, describes and measures, as tables and as JSON', async () => {
    // Hosts write their counters every few seconds.
    const counted = async () => (await stage.http('GET', '/api/whatsapp/metrics', admin)).body['time_to_code_ms']
    await expect.poll(counted).toMatchObject({ p50: expect.any(Number) })
    const [list, listJson, status, metrics, metricsJson] = await Promise.all([
      run('list', '--state', 'connected'),
      run('list', '--json', '--limit', '1'),
      run('status', linked.companyId),
      run('metrics'),
      run('metrics', '--json'),
    ])
    expect(list.out).toMatch(/^companyId +session +phoneNumber/)
    expect(list.out).toMatch(new RegExp(`${linked.companyId} +connected +${linked.phone.number}`))
    expect(JSON.parse(listJson.out)).toHaveLength(1)
    expect(status.out).toMatch(/session +connected/)
    expect(status.out).toMatch(new RegExp(`credentials.storedPhone +${linked.phone.number}`))
    expect(metrics.out).toMatch(/time_to_code_ms.p50 +\d+/)
    expect(JSON.parse(metricsJson.out)).toHaveProperty('attempts_requested')
    expect([list, listJson, status, metrics, metricsJson].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0])
  })

  it('resets, and says what becomes of the device', async () => {
    const reset = await run('reset', linked.companyId)
    expect(reset).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^Credentials deleted\. .*being removed/) })
    await expect.poll(async () => (await linked.phone.look()).devices.length).toBe(0)
    expect((await run('status', linked.companyId, '--json')).out).toMatch(/"unlinked": "confirmed"/)
    expect((await run('reset', linked.companyId)).out).toMatch(/^Nothing was stored\./)
  })

  it.each([
    [[], 2, /COMMAND/],
    [['frobnicate'], 2, /Unknown command frobnicate/],
    [['status'], 2, /COMPANY is missing/],
    [['list', '--limit', 'x'], 2, /--limit/],
    [['list', '--state', 'odd'], 2, /400 BAD_REQUEST .*state/],
    [['metrics', '--token', 'odd'], 1, /401 UNAUTHORIZED/],
  ])('%j: says what is wrong', async (args, exitCode, message) => {
    const ran = await run(...args)
    expect(ran.exitCode).toBe(exitCode)
    expect(ran.err).toMatch(message)
    expect(ran.err).not.toMatch(/\n +at /)
  })
})
