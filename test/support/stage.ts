/** A whole local run for a test file, with clients and with the phones of its simulated WhatsApp. */
import { type LocalRun, startLocal } from '../../local/local-run.ts'
import type { Simulator } from '../../simulator/simulator.ts'
import { type Client, connect, type Frame } from './client.ts'
import { assemblyFolder } from './shared-assembly.ts'

export type Stage = {
  readonly run: LocalRun
  /** Connects a client of the company. */
  readonly client: (companyId: string) => Promise<Client>
  /** Calls an HTTP route with a token of the role. */
  readonly http: (method: string, path: string, as?: Caller, request?: HttpExtras) => Promise<HttpAnswer>
  readonly phone: (number: string) => Phone
  /** Puts the simulated WhatsApp into a condition, for all hosts or for the host named by `client`. */
  readonly service: (behaviour: string, parameters?: ServiceParameters) => Promise<void>
  /** Returns a new company and a new phone, which no other test of the file uses. */
  readonly fresh: () => { companyId: string; phone: Phone }
  readonly stop: () => Promise<void>
}

type Caller = { readonly companyId?: string; readonly role?: 'admin' }
type HttpExtras = { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
type HttpAnswer = { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Headers }

/** Parameters of a condition, and the host that it is for. */
type ServiceParameters = { readonly client?: string; readonly [name: string]: unknown }

/** A person with a phone. */
export type Phone = {
  readonly number: string
  readonly enterCode: (code: unknown) => Promise<string>
  readonly scan: (qr: unknown) => Promise<string>
  readonly behave: (behaviour: string, parameters?: object) => Promise<void>
  readonly disrupt: (how: string, parameters?: object) => Promise<void>
  readonly unlink: () => Promise<void>
  /** Reads the simulator's state of the phone: its devices, whether they are online, and the number of requested codes. */
  readonly look: () => Promise<PhoneReport>
}

type PhoneReport = {
  readonly companionHellos: number
  readonly devices: readonly { readonly device: number; readonly online: boolean }[]
  readonly [field: string]: unknown
}

let companies = 0

/**
 * Lease times for stages on which nothing depends on leases. A machine that stands still for seven seconds must not
 * cost a host its leases: attempts would fail with `HOST_UNAVAILABLE`, and sessions would log in again.
 */
export const steadyLeases = { LEASE_STALE_MS: '60000' } as const

/**
 * Requests per second of a caller. All tests of a file ask as one administrator, and some of them look again and again.
 */
const manyRequests = { HTTP_REQUESTS_PER_SECOND: '1000' } as const

/** Places of the fuse for tests in which WhatsApp ends many links, each of a company that is alone in its test (R46). */
export const manyEnds = { FUSE_PER_FIVE_MINUTES: '1000,0%', FUSE_PER_DAY: '1000,0%' } as const

type StageOptions = NonNullable<Parameters<typeof startLocal>[0]> & {
  /** Simulated WhatsApp that runs elsewhere; by default one is started in this process. */
  readonly simulator?: Simulator
}

export async function startStage({ simulator, ...options }: StageOptions = {}): Promise<Stage> {
  const assembly = await assemblyFolder()
  const environment = { ...manyRequests, ...options.environment }
  const elsewhere = simulator && {
    whatsapp: { kind: 'url', url: simulator.webSocketUrl, rootKey: simulator.rootKey } as const,
  }
  const started = await startLocal({ port: 0, ...(assembly && { assembly }), ...elsewhere, ...options, environment })
  const run = simulator ? { ...started, simulator } : started
  const control = async (method: string, path: string, body: object = {}) => {
    if (!run.simulator) throw new Error('The hosts of this run talk to another WhatsApp')
    const reply = await run.simulator.control(method, `/simulator/${path}`, method === 'GET' ? undefined : body)
    if (reply.status !== 200) throw new Error(`simulator ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body as Record<string, unknown>
  }
  const phone = (number: string): Phone => ({
    number,
    enterCode: async (code) =>
      String((await control('POST', `phones/${number}/enter-code`, { code: String(code) }))['screen']),
    scan: async (qr) => String((await control('POST', `phones/${number}/scan-qr`, { qr: String(qr) }))['screen']),
    behave: async (behaviour, parameters = {}) => {
      await control('PUT', `phones/${number}/behaviour`, { behaviour, ...parameters })
    },
    disrupt: async (how, parameters = {}) => {
      await control('POST', `phones/${number}/disrupt`, { how, ...parameters })
    },
    unlink: async () => {
      await control('POST', `phones/${number}/unlink`)
    },
    look: async () => (await control('GET', `phones/${number}`)) as unknown as PhoneReport,
  })
  const http: Stage['http'] = async (method, path, as, { body, headers } = {}) => {
    const token = as && (await run.token(as.companyId, as.role))
    const response = await fetch(run.url + path, {
      method,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      headers: response.headers,
    }
  }
  return {
    run,
    http,
    phone,
    service: async (behaviour, parameters = {}) => {
      await control('PUT', 'service', { behaviour, ...parameters })
    },
    client: async (companyId) => connect(`${run.wsUrl}?token=${await run.token(companyId)}`),
    fresh: () => {
      companies += 1
      return { companyId: `company-${companies}`, phone: phone(`7900${String(1_000_000 + companies)}`) }
    },
    stop: () => run.stop(),
  }
}

/** Requests a code, types it on the phone, and waits until the company is connected. */
export async function link(stage: Stage, companyId: string, phone: Phone): Promise<Client> {
  const client = await stage.client(companyId)
  const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
  await phone.enterCode(code)
  await client.next('whatsapp-connected')
  return client
}

/** Requests a code, types it if there is one, and returns the outcome: `connected`, or the error's code. */
export async function outcomeOf(client: Client, phone: Phone): Promise<string> {
  const requestId = `failing-${phone.number}`
  client.send({ action: 'request-pairing-code', phoneNumber: phone.number, requestId })
  const isAnswer = ({ event }: Frame) => event === 'pairing-code' || event === 'pairing-code-error'
  const answer = await client.next(isAnswer)
  if (answer.event === 'pairing-code-error') return String(answer['code'])
  void phone.enterCode(answer['code'])
  const end = await client.next(({ event }) => event === 'whatsapp-connected' || event === 'pairing-code-error')
  return end.event === 'whatsapp-connected' ? 'connected' : String(end['code'])
}
