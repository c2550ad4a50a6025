/** `npm run admin`: the HTTP API for operators, from the terminal. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, ask, endpointsOf, localToken, localUrl } from './api.ts'
import { parseCompany, parseOptions, runMain, UsageError } from './arguments.ts'
import { table } from './table.ts'

const usage = `npm run admin -- COMMAND [--json] [--url URL] [--token TOKEN]

  list [--state STATE] [--limit N]   sessions of all companies, or only the first N
  status COMPANY                     one company: session, attempt, credentials
  reset COMPANY                      delete the stored credentials and unlink the device
  metrics                            the figures of GET /api/whatsapp/metrics
  fuse                               whether links may end because WhatsApp says so
  fuse reset                         close the fuse, after you have found out why it is open

  --json   print the API's answer as JSON
  --url    a local run (default ${localUrl}) or the HTTP URL of a deployed stage
  --token  an admin token; a local run issues one`

const options = {
  json: { type: 'boolean' },
  state: { type: 'string' },
  limit: { type: 'string' },
  url: { type: 'string', default: process.env['PAIRPLANE_URL'] ?? localUrl },
  token: { type: 'string' },
} as const

type Json = Readonly<Record<string, unknown>>
type Api = (method: string, path: string) => Promise<Json>
type Values = ReturnType<typeof parseOptions<typeof options>>['values']
type Command = (api: Api, values: Values, company: string) => Promise<{ readonly json: unknown; readonly text: string }>

const sessions = '/api/whatsapp/sessions'

const commands: Readonly<Record<string, Command>> = { list, status, reset, metrics, fuse }
/** Commands that are about one company. */
const companyCommands = ['status', 'reset']

async function main(): Promise<number> {
  const { values, positionals } = parseOptions(options, usage, 2)
  const [name = '', company] = positionals
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) throw new UsageError(name ? `Unknown command ${name}` : 'COMMAND is missing')
  const companyId = companyFor(name, company)
  const { http } = endpointsOf(values.url)
  const token = values.token ?? (await localToken(http, { role: 'admin' }))
  const answer = await command(apiOf(http, token), values, companyId)
  console.log(values.json ? JSON.stringify(answer.json, null, 2) : answer.text)
  return 0
}

function companyFor(command: string, company: string | undefined): string {
  if (companyCommands.includes(command)) {
    if (!company) throw new UsageError('COMPANY is missing')
    return parseCompany('COMPANY', company)
  }
  if (command === 'fuse') {
    if (company === undefined || company === 'reset') return company ?? ''
    throw new UsageError(`fuse takes "reset" or nothing, but got "${company}"`)
  }
  if (company) throw new UsageError(`${command} takes no company, but got "${company}"`)
  return ''
}

/** Returns a function that calls a route. It throws the API's own sentence when the API rejects the request. */
function apiOf(http: string, token: string): Api {
  return async (method, path) => {
    const headers = { authorization: `Bearer ${token}`, 'accept-language': 'en' }
    const { status, ok, text } = await askAllowed(http + path, { method, headers })
    const body = parseJson(text)
    if (ok) return body
    const reason = body['reason'] ? `: ${body['reason']}` : ''
    const message = `${status} ${body['code'] ?? ''} ${body['detail'] ?? body['title'] ?? ''}${reason}`.trim()
    throw status === 400 ? new UsageError(message) : new Error(message)
  }
}

/** Asks, and asks again after a refusal for too many requests: the pages of a long list come faster than they may. */
async function askAllowed(url: string, init: RequestInit, triesLeft = 5): Promise<Answer> {
  const answer = await ask(url, init, 'Is `npm start` running?')
  const { retryAfter } = parseJson(answer.text)
  const isForNow = answer.status === 429 && typeof retryAfter === 'number' && retryAfter <= maxWaitSeconds
  if (!isForNow || triesLeft === 0) return answer
  await sleep(retryAfter * 1000)
  return askAllowed(url, init, triesLeft - 1)
}

const maxWaitSeconds = 2

/** Parses an answer; an answer that is not a JSON object, such as that of a proxy in between, becomes an empty object. */
function parseJson(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

/** Number of sessions per request; the API's maximum. */
const pageSize = 100

async function list(api: Api, { state, limit }: Values) {
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit))
    throw new UsageError(`--limit must be a whole number of at least 1, not "${limit}"`)
  const wanted = limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  const found: Json[] = []
  let cursor: unknown
  do {
    const query = new URLSearchParams({
      limit: String(Math.min(pageSize, wanted - found.length)),
      ...(state && { state }),
      ...(cursor ? { cursor: String(cursor) } : {}),
    })
    const page = await api('GET', `${sessions}?${query}`)
    found.push(...((page['sessions'] ?? []) as Json[]))
    cursor = page['cursor']
  } while (cursor && found.length < wanted)
  return { json: found, text: table(found.map(line)) }
}

/** Returns a session as a table row. Every row has all columns, also those that the session has no value for. */
const line = ({ companyId, session, phoneNumber, since, hostId, attempt, lastError }: Json): Json => ({
  companyId,
  session,
  phoneNumber,
  since,
  hostId,
  attempt: isObject(attempt) ? attempt['state'] : undefined,
  lastError: isObject(lastError) ? lastError['code'] : undefined,
})

async function fuse(api: Api, _values: Values, verb: string) {
  const json = await api(verb === 'reset' ? 'DELETE' : 'GET', '/api/whatsapp/fuse')
  const reasons = Array.isArray(json['reasons']) ? json['reasons'].filter(isObject) : []
  const open = reasons.map(
    ({ reason, openSince }) =>
      `The fuse "${reason}" is open since ${openSince}: such sessions stop and keep their links`,
  )
  return { json, text: open.length > 0 ? open.join('\n') : 'The fuse is closed' }
}

async function status(api: Api, _values: Values, company: string) {
  const [session, credentials] = await Promise.all([
    api('GET', `${sessions}/${company}`),
    api('GET', `${sessions}/${company}/credentials/status`),
  ])
  const json = { ...session, credentials }
  return { json, text: properties(json) }
}

async function reset(api: Api, _values: Values, company: string) {
  const json = await api('DELETE', `${sessions}/${company}/credentials`)
  return { json, text: resetSentence(company, json['unlinked']) }
}

/**
 * Returns the sentence about a reset. The API answers before the device is removed; a running pairing is cancelled in
 * either case.
 */
const resetSentence = (company: string, unlinked: unknown): string =>
  unlinked === 'not-linked'
    ? 'Nothing was stored. If a pairing was running, it is cancelled.'
    : `Credentials deleted. The linked device is being removed from the phone: see \`unlinked\` in the status of ${company}.`

async function metrics(api: Api) {
  const json = await api('GET', '/api/whatsapp/metrics')
  const { hosts, ...figures } = json
  return { json, text: `${properties(figures)}\n\nhosts\n${table((hosts ?? []) as Json[])}` }
}

const properties = (json: Json): string => table(flat(json).map(([property, value]) => ({ property, value })))

/** Flattens nested objects: their properties get names with a dot. Lists stay as they are. */
const flat = (json: Json, prefix = ''): [string, unknown][] =>
  Object.entries(json).flatMap(([name, value]): [string, unknown][] =>
    isObject(value) ? flat(value, `${prefix}${name}.`) : [[prefix + name, value]],
  )

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

await runMain('npm run admin -- --help', main)
