import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuthorizerEnv } from '#shared/config/authorizer-env.ts'
import { ControlPlaneEnv, parseEnv, SocketHostEnv, shardQueueUrls } from '#shared/config/env.ts'
import { jwksUrlPattern } from '#shared/config/jwks-url.ts'

const first = 'https://sqs.eu-central-1.amazonaws.com/111111111111/pairplane-0-shard-0.fifo'
const variables = {
  CONTROL_TABLE: 'control',
  CALLBACK_URL: 'https://id.execute-api.eu-central-1.amazonaws.com/prod',
  WATCHDOG_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111111111111/watchdog',
  PHONE_HASH_SECRET_ARN: 'arn',
  CREDENTIALS_TABLE: 'credentials',
  CREDENTIALS_KEY_ARN: 'arn',
  TOKEN_ISSUER: 'pairplane',
  TOKEN_AUDIENCE: 'pairplane',
  SHARD_0_QUEUE_URL: first,
  SHARDS: '12',
}

it.each([
  ['functions', ControlPlaneEnv],
  ['socket-host', SocketHostEnv],
])('every variable is read by %s', (folder, { entries }) => {
  const root = join(import.meta.dirname, '../../..')
  const shared = ['shared/budget/code-budget.ts', 'shared/telemetry/sentry-settings.ts']
  const files = [...globSync(`${folder}/**/*.ts`, { cwd: root }), ...shared]
  const source = files.map((file) => readFileSync(join(root, file), 'utf8')).join()
  // Code reads the derived URLs of all queues instead of the first one's.
  const names = Object.keys(entries).map((name) => name.replace('SHARD_0_QUEUE_URL', 'SHARD_QUEUE_URLS'))
  expect(names.filter((name) => !source.includes(name))).toEqual([])
})

describe.each([
  ['functions', ControlPlaneEnv],
  ['hosts', SocketHostEnv],
])('the queues of the shards, as %s see them', (_, schema) => {
  it('are one for each shard, in the order of the shards', () => {
    const { SHARD_QUEUE_URLS } = parseEnv(schema, variables)
    expect(SHARD_QUEUE_URLS).toHaveLength(12)
    expect(SHARD_QUEUE_URLS[0]).toBe(first)
    expect(SHARD_QUEUE_URLS[11]).toBe(first.replace(/0\.fifo$/, '11.fifo'))
  })

  it.each([
    [{ SHARD_0_QUEUE_URL: first.replace(/0\.fifo$/, '1.fifo') }, 'SHARD_0_QUEUE_URL'],
    [{ SHARD_0_QUEUE_URL: undefined }, 'SHARD_0_QUEUE_URL'],
    [{ SHARDS: '0' }, 'SHARDS'],
    [{ SHARDS: '65' }, 'SHARDS'],
    [{ SHARDS: '' }, 'SHARDS'],
  ])('are not guessed from %j', (wrong, name) => {
    expect(() => parseEnv(schema, { ...variables, ...wrong })).toThrow(`Invalid environment: ${name}: `)
  })
})

it('changes the number at the end of a URL only', () => {
  expect(shardQueueUrls({ SHARD_0_QUEUE_URL: 'http://127.0.0.1:1/0/a-0.fifo-shard-0.fifo', SHARDS: 2 })).toEqual([
    'http://127.0.0.1:1/0/a-0.fifo-shard-0.fifo',
    'http://127.0.0.1:1/0/a-0.fifo-shard-1.fifo',
  ])
})

describe('the URL of the signing keys', () => {
  const read = (url: string) => parseEnv(AuthorizerEnv, { ...variables, TOKEN_JWKS_URL: url }).TOKEN_JWKS_URL

  it.each([
    'https://id.example',
    'https://id.example:8443/keys?tenant=1',
    'http://127.0.0.1:1/jwks',
    'http://[::1]:1/jwks',
    'http://localhost/jwks',
  ])('may be %s', (url) => {
    expect(read(url)).toBe(url)
  })

  it.each([
    ...['http://id.example/jwks', 'http://localhost.example/jwks', 'http://127.0.0.1.example/', 'http://10.0.0.1/jwks'],
    ...[
      'http://127.0.0.1:80@id.example/',
      'http://localhost\\@id.example/',
      'https://user@id.example/',
      'https:id.example',
    ],
    ...['ftp://127.0.0.1/jwks', 'file:///jwks', 'data:,{}', 'jwks', ' https://id.example/', 'https:///jwks'],
  ])('is not %s', (url) => {
    expect(() => read(url)).toThrow('Invalid environment: TOKEN_JWKS_URL: Expected an https URL without credentials')
  })

  it('that is accepted leads to no other place, however it is written', () => {
    const part = fc.constantFrom(
      ...['http', 'https', ':', '/', '//', '\\', '@', '?', '#', '127.0.0.1', '[::1]', 'localhost', 'id.example', '.'],
      ...['80', 'user', '\t', '\n', '%40', ' '],
    )
    const start = fc.constantFrom('', 'http://', 'https://', 'http://127.0.0.1', 'http://localhost')
    const written = fc.tuple(start, fc.array(part, { maxLength: 6 })).map(([first, rest]) => first + rest.join(''))
    fc.assert(
      fc.property(written, (text) => {
        fc.pre(jwksUrlPattern.test(text) && URL.canParse(text))
        const { protocol, hostname, username, password } = new URL(text)
        expect(username + password).toBe('')
        expect(protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the places of the fuse', () => {
  it('are read from a number and a percentage', () => {
    const { FUSE_PER_FIVE_MINUTES, FUSE_PER_DAY } = parseEnv(SocketHostEnv, { ...variables, FUSE_PER_DAY: '7,1.5%' })
    expect(FUSE_PER_FIVE_MINUTES).toEqual({ least: 3, percent: 0.2 })
    expect(FUSE_PER_DAY).toEqual({ least: 7, percent: 1.5 })
  })

  it.each(['', '3', '3,0.2', '3,200%', '-1,1%', 'three,1%'])('are not guessed from "%s"', (text) => {
    expect(() => parseEnv(SocketHostEnv, { ...variables, FUSE_PER_DAY: text })).toThrow(
      'Invalid environment: FUSE_PER_DAY: Expected a number and a percentage, e.g. 3,0.2%',
    )
  })
})
