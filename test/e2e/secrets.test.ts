/** A whole run with all its output captured: logs, metrics and reports contain no secrets, and floods are limited. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SentryIngest, sentryIngest } from '../shared/support/sentry-ingest.ts'
import { type Client, connect } from '../support/client.ts'
import { type Stage, startStage, steadyLeases } from '../support/stage.ts'

type Line = Readonly<Record<string, unknown>>

let stage: Stage
let ingest: SentryIngest
const written: { source: string; line: string }[] = []
const secrets = new Set<string>()

beforeAll(async () => {
  ingest = await sentryIngest()
  stage = await startStage({
    log: (source, line) => written.push({ source, line }),
    environment: { ...steadyLeases, SENTRY_DSN: ingest.dsn, LOG_LEVEL: 'debug' },
  })
})
afterAll(async () => {
  await stage?.stop()
  await ingest?.stop()
})

/** Log lines of functions and hosts. Those of the simulator do not count: it plays the phones. */
const ours = () => written.filter(({ source }) => source !== 'whatsapp')
const parsed = (): Line[] => ours().flatMap(({ line }) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []))
const metricLines = () => parsed().filter((line) => '_aws' in line)

/** Connects a client, and adds its token to the secrets. */
async function open(companyId: string): Promise<Client> {
  const token = await stage.run.token(companyId)
  secrets.add(token)
  return connect(`${stage.run.wsUrl}?token=${token}`)
}

/** Requests a code, and adds the phone and the code, with and without its hyphen, to the secrets. */
async function requestCode(client: Client, phoneNumber: string): Promise<string> {
  secrets.add(phoneNumber)
  const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: `+${phoneNumber}` })
  secrets.add(String(code)).add(String(code).replace('-', ''))
  return String(code)
}

describe('a company that links, changes its phone, tries a QR and resets', () => {
  const first = { correlationId: '' }

  it('does all that', async () => {
    const { companyId, phone } = stage.fresh()
    const other = stage.fresh().phone
    const client = await open(companyId)
    await phone.enterCode(await requestCode(client, phone.number))
    await client.next('whatsapp-connected')
    await other.enterCode(await requestCode(client, other.number))
    await client.next('whatsapp-connected')
    const third = stage.fresh().phone
    await requestCode(client, third.number)
    const { qr } = await client.ask('request-qr', 'qr', {})
    secrets.add(String(qr))
    for (const part of String(qr).split(',')) if (part.length > 16) secrets.add(part)
    await client.ask('reset-whatsapp-credentials', 'credentials-reset')
    const requested = parsed().find(
      (line) => line['companyId'] === companyId && line['message'] === 'Pairing requested',
    )
    first.correlationId = String(requested?.['correlationId'])
    await client.close()
  })

  it('can be followed from its request to its link by one correlation id', () => {
    const lines = parsed().filter((line) => line['correlationId'] === first.correlationId)
    const messages = lines.map((line) => line['message'])
    expect(messages).toEqual(
      expect.arrayContaining([
        'Message',
        'Pairing requested',
        'Attempt acceptance decided',
        'WhatsApp answered companion_hello',
        'Link commit decided',
      ]),
    )
    expect(lines.some((line) => 'TimeToCode' in line)).toBe(true)
    expect(lines.some((line) => 'TimeToLink' in line)).toBe(true)
  })

  it('leaves no line about a company without a correlation id', () => {
    const about = parsed().filter((line) => 'companyId' in line && 'message' in line)
    expect(about.length).toBeGreaterThan(10)
    expect(about.filter((line) => typeof line['correlationId'] !== 'string')).toEqual([])
  })

  it('is reported to Sentry for each new phone, masked', () => {
    const changes = ingest.events.filter(({ level }) => level === 'info')
    expect(changes).toHaveLength(2)
    expect(new Set(changes.map(({ fingerprint }) => fingerprint?.join())).size).toBe(2)
    expect(changes[0]).toMatchObject({ contexts: { phone_change: { stored_phone: expect.stringContaining('***') } } })
  })

  it('is counted, in the metrics of CloudWatch and in those of the HTTP API', async () => {
    const names = new Set(metricLines().flatMap(Object.keys))
    for (const name of ['PairingRequested', 'CodeIssued', 'PhoneConfirmed', 'Linked', 'PhoneMismatch', 'CleanupTime'])
      expect(names).toContain(name)
    const read = async () => (await stage.http('GET', '/api/whatsapp/metrics', { role: 'admin' })).body
    await expect.poll(read, { interval: 500 }).toMatchObject({
      attempts_requested: 4,
      attempts_by_outcome: { connected: 2, PAIRING_SUPERSEDED: 1, PAIRING_CANCELLED: 1 },
      phone_mismatch_count: 2,
      cleanup_success_rate: 1,
      time_to_code_ms: { p50: expect.any(Number) },
      time_to_link_ms: { p50: expect.any(Number) },
    })
  })
})

describe('what is refused', () => {
  it('keeps bad tokens out, and out of the log', async () => {
    const forged = `${(await stage.run.token('forged')).slice(0, -6)}AAAAAA`
    secrets.add(forged)
    await expect(connect(`${stage.run.wsUrl}?token=${forged}`)).rejects.toThrow('401')
    const response = await fetch(`${stage.run.url}/api/whatsapp/sessions?token=${forged}`, {
      headers: { authorization: `Bearer ${forged}` },
    })
    expect(response.status).toBe(401)
  })

  it('tells a client that sends too much to wait a second, and keeps its connection', async () => {
    const client = await open(stage.fresh().companyId)
    let sent = 0
    const refused = client.next('error')
    const isRefused = () => client.frames.some(({ event }) => event === 'error')
    // Sends until the limit is hit: a busy machine may spread sixty messages over many seconds.
    while (!isRefused()) {
      for (let n = 0; n < 60; n++) client.send({ action: 'ping', requestId: `flood-${sent++}` })
      await expect.poll(() => client.frames.length).toBe(sent)
    }
    expect(await refused).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfter: 1,
      requestId: expect.stringMatching(/^flood-/),
    })
    let asked = 0
    const answer = async () => {
      const requestId = `later-${asked++}`
      client.send({ action: 'get-status', requestId })
      return (await client.next((frame) => frame['requestId'] === requestId)).event
    }
    await expect.poll(answer, { interval: 300 }).toBe('status')
    await client.close()
  })
})

it('nothing secret has left: no phone, code, QR or token in any line, metric or report', () => {
  expect(secrets.size).toBeGreaterThan(10)
  expect(ours().length).toBeGreaterThan(20)
  const sinks = [
    ...ours().map(({ source, line }) => `${source}: ${line}`),
    ...ingest.texts.map((text) => `sentry: ${text}`),
  ]
  const leaks = sinks.filter((text) => [...secrets].some((secret) => text.includes(secret)))
  expect(leaks).toEqual([])
})
