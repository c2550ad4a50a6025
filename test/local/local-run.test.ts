import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { jwtVerify } from 'jose/jwt/verify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isRunning } from '../../local/data-dir.ts'
import { type LocalOptions, type LocalRun, startLocal } from '../../local/local-run.ts'
import { pidOf } from '../support/process-ids.ts'
import { temporary } from '../support/temporary.ts'
import { cloudWithHosts } from './support/host.ts'

/** A run, with its log lines, each after its source. */
type Run = LocalRun & { readonly lines: string[] }

async function start(options: LocalOptions = {}, hostEnvironment: Record<string, string> = {}): Promise<Run> {
  const lines: string[] = []
  const run = await startLocal({
    ...{ assembly: cloudWithHosts(hostEnvironment), whatsapp: { kind: 'live' } },
    log: (source, line) => lines.push(`${source} ${line}`),
    ...options,
  })
  onTestFinished(() => run.stop())
  return Object.assign(run, { lines })
}

const hostIds = async (run: LocalRun) => (await run.hosts()).map(({ hostId }) => hostId)

describe('hosts', () => {
  test('run with the environment of the task definition and nothing of this process', async () => {
    process.env['LEAKED'] = 'yes'
    const run = await start()
    const [host] = await run.hosts()
    expect(host).toEqual({
      hostId: expect.stringMatching(/^local-1-[0-9a-f]{6}$/),
      pid: expect.any(Number),
      shards: [0, 1, 2],
      sessions: 7,
      sessionsAt: '2026-01-01T00:00:00.000Z',
    })
    const line = run.lines.find((text) => text.includes('"environment"')) ?? ''
    const { env } = JSON.parse(line.slice(line.indexOf('{')))
    expect(env).toMatchObject({
      ...{ CONTROL_TABLE: 'tiny-Table', HOST_ID: host?.hostId, HEALTH_PORT: '0', AWS_REGION: 'us-east-1' },
      FROM_SECRET: expect.stringMatching(/^.{32}$/),
    })
    expect(env).not.toHaveProperty('LEAKED')
    expect(env).not.toHaveProperty('PAIRPLANE_WHATSAPP_URL')
    expect(await (await fetch(`${run.url}/dev/hosts`)).json()).toEqual(await run.hosts())
  })

  test('are replaced when they die, under another name', async () => {
    const run = await start({ hosts: 1 })
    const [first] = await run.hosts()
    process.kill(pidOf(first), 'SIGKILL')
    while ((await run.hosts())[0]?.shards.length !== 3 || (await hostIds(run))[0] === first?.hostId) await sleep(50)
    expect(run.lines).toContain(`${first?.hostId} was ended by SIGKILL`)
  })

  test('stay dead when they are not to be replaced', async () => {
    const run = await start({ hosts: 2, restartsHosts: false })
    const [first] = await run.hosts()
    process.kill(pidOf(first), 'SIGKILL')
    while ((await hostIds(run)).length === 2) await sleep(20)
    expect(await hostIds(run)).not.toContain(first?.hostId)
  })

  /** The start and the end of a process take longer than a second on a busy machine. */
  const patiently = { timeout: 20_000 }

  test('become more and fewer, and those that leave are not replaced', async () => {
    const run = await start({ hosts: 1 })
    const [first] = await hostIds(run)
    run.scaleHosts(2)
    await expect.poll(async () => (await run.hosts()).map(({ shards }) => shards.length), patiently).toEqual([2, 1])
    const second = run.hostProcesses().at(-1)
    run.scaleHosts(1)
    // A second signal, because this host waits for its attempts after the first. Another one: two equal signals that a
    // process has not handled yet are one.
    process.kill(pidOf(second), 'SIGINT')
    await expect.poll(() => run.lines, patiently).toContain(`${second?.hostId} exited with 0`)
    await expect.poll(() => run.hostProcesses().map(({ hostId }) => hostId), patiently).toEqual([first])
    run.scaleHosts(2)
    await expect.poll(() => run.hostProcesses(), patiently).toHaveLength(2)
    expect(run.hostProcesses().map(({ hostId }) => hostId)).not.toContain(second?.hostId)
  })

  test('flush when the run stops, without waiting for attempts, and are gone', async () => {
    const run = await start({ hosts: 2 })
    const hosts = await run.hosts()
    await expect.poll(() => run.lines.filter((line) => line.includes('"environment"')).length).toBe(2)
    await run.stop()
    expect(run.lines.filter((line) => line.endsWith('flushing'))).toHaveLength(2)
    for (const host of hosts) expect(isRunning(pidOf(host))).toBe(false)
  })

  test('that cannot start fail the run with what they wrote', async () => {
    await expect(start({}, { FAILS: 'yes' })).rejects.toThrow(/exited with 9:[\s\S]*cannot go on/)
  })
})

async function tokenSecret(run: LocalRun): Promise<string | undefined> {
  const SecretId = run.cloud.functions[0]?.environment['TOKEN_SECRET_ARN']
  return (await run.clients.secretsManager.send(new GetSecretValueCommand({ SecretId }))).SecretString
}

describe('tokens', () => {
  const post = (run: LocalRun, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${run.url}/dev/tokens`, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  test('are signed as the functions check them', async () => {
    const run = await start({ hosts: 0 })
    const SecretString = await tokenSecret(run)
    const verify = async (token: string) =>
      (await jwtVerify(token, new TextEncoder().encode(SecretString), { issuer: 'issuer', audience: 'audience' }))
        .payload
    expect(await verify(await run.token('1001'))).toMatchObject({ companyId: '1001', role: 'marketplace' })
    expect(await verify(await run.token(undefined, 'admin'))).toMatchObject({ role: 'admin' })
    const { token } = (await (await post(run, { companyId: 'c', lang: 'en', expiresIn: 60 })).json()) as {
      token: string
    }
    const claims = await verify(token)
    expect(claims).toMatchObject({ companyId: 'c', lang: 'en' })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(60)
  })

  test('are refused with the field that is wrong', async () => {
    const run = await start({ hosts: 0 })
    const field = async (body: unknown) => {
      const response = await post(run, body)
      expect(response.status).toBe(400)
      return ((await response.json()) as { field: string }).field
    }
    expect(await field({})).toBe('companyId')
    expect(await field({ companyId: 'a b' })).toBe('companyId')
    expect(await field({ companyId: 'a', role: 'king' })).toBe('role')
    expect(await field({ companyId: 'a', lang: 'fr' })).toBe('lang')
    expect(await field({ companyId: 'a', expiresIn: -1 })).toBe('expiresIn')
    expect(await field({ companyId: 'a', more: 1 })).toBe('more')
    expect(await field('no json')).toBe('body')
  })

  test('are not given to a page that calls this port under another name', async () => {
    const { request } = await import('node:http')
    const run = await start({ hosts: 0 })
    const status = await new Promise((resolve) => {
      const headers = { host: 'evil.example' }
      request(`${run.url}/dev/tokens`, { method: 'POST', headers }, (response) => resolve(response.statusCode)).end(
        '{}',
      )
    })
    expect(status).toBe(403)
  })
})

describe('a run', () => {
  test('without a simulated WhatsApp says so', async () => {
    const run = await start({ hosts: 0 })
    const response = await fetch(`${run.url}/simulator/state`)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({ message: expect.stringContaining('the real WhatsApp') })
  })

  test('does not share its port or its data', async () => {
    const dataDir = `${temporary()}/data`
    const run = await start({ hosts: 0, dataDir })
    await expect(start({ hosts: 0, port: Number(new URL(run.url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(start({ hosts: 0, dataDir })).rejects.toThrow('in use by another local run')
    const secret = await tokenSecret(run)
    await run.stop()
    expect(await tokenSecret(await start({ hosts: 0, dataDir }))).toBe(secret)
  })

  test('that cannot start says why, and does not wait for the synthesis', async () => {
    const lines: string[] = []
    const env = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }
    await expect(startLocal({ env, log: (_, line) => lines.push(line) })).rejects.toThrow(
      'Nothing answers at http://127',
    )
    expect(lines).not.toContain('Templates and bundles are ready')
    expect(readdirSync('.pairplane').filter((name) => name.startsWith(`run-${process.pid}-`))).toEqual([])
  })

  test('works on engines that somebody else runs, also the second time', async () => {
    const engines = await start({ hosts: 0 })
    const { dynamodb, sqs, kms, secretsManager } = engines.endpoints
    const env = {
      ...{ AWS_ENDPOINT_URL: kms, AWS_ENDPOINT_URL_DYNAMODB: dynamodb, AWS_ENDPOINT_URL_SQS: sqs },
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager,
    }
    for (const _ of ['first', 'second']) {
      const run = await start({ env })
      expect(await tokenSecret(run)).toBe(await tokenSecret(engines))
      expect((await run.hosts())[0]?.shards).toEqual([0, 1, 2])
      await run.stop()
    }
  })
})
