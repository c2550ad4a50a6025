/** How the clients reach Pairplane: a local run by default, a deployed stage with URL and token. */

import { UsageError } from './arguments.ts'

/** Where the APIs are. Locally one server serves both; a stage has a URL for each. */
export type Endpoints = { readonly http: string; readonly webSocket: string }

export const localUrl = 'http://127.0.0.1:4000'

/** The endpoints behind `--url`: a `ws(s)://` URL is taken as it is, an `http(s)://` one is a local run's. */
export function endpointsOf(url: string): Endpoints {
  const parsed = URL.parse(url)
  if (!parsed || !['http:', 'https:', 'ws:', 'wss:'].includes(parsed.protocol))
    throw new UsageError(`--url must be an http(s):// or ws(s):// URL, not "${url}"`)
  const base = url.replace(/\/$/, '')
  if (parsed.protocol.startsWith('ws')) return { webSocket: base, http: parsed.origin.replace(/^ws/, 'http') }
  return { http: base, webSocket: `${base.replace(/^http/, 'ws')}/ws` }
}

/** A token from a local run; a deployed stage gives none, its tokens are the marketplace's. */
export async function localToken(
  http: string,
  claims: { companyId?: string | undefined; role: string },
): Promise<string> {
  const { token } = await post(
    `${http}/dev/tokens`,
    claims,
    'Is `npm start` running? For a deployed stage give --token.',
  )
  if (typeof token !== 'string') throw new Error(`${http} gave no token; for a deployed stage give --token.`)
  return token
}

/** Posts JSON and returns the answer's JSON object; a refusal or no answer becomes an error with `hint`. */
export async function post(url: string, body: object, hint: string): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' }
  const { status, ok, text } = await ask(url, { method: 'POST', headers, body: JSON.stringify(body) }, hint)
  if (!ok) throw new Error(`${url} answered ${status}: ${text}. ${hint}`)
  return JSON.parse(text) as Record<string, unknown>
}

export type Answer = { readonly status: number; readonly ok: boolean; readonly text: string }

/** API Gateway answers within 30 s, whatever happens behind it. */
const answerWithinMs = 40_000

/** Fetches; a server that is not there, or that does not answer in time, becomes an error with `hint`. */
export async function ask(url: string, init: RequestInit, hint: string, withinMs = answerWithinMs): Promise<Answer> {
  const signal = AbortSignal.timeout(withinMs)
  try {
    const response = await fetch(url, { ...init, signal })
    // In time as well: the rest of an answer can fail to come.
    return { status: response.status, ok: response.ok, text: await response.text() }
  } catch (error) {
    const { origin } = new URL(url)
    const what = signal.aborted
      ? `${origin} has not answered; it may have done what it was asked all the same.`
      : `Cannot reach ${origin}.`
    throw new Error(`${what} ${hint}`, { cause: error })
  }
}
