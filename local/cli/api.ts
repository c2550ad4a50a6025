/** HTTP access of the command-line clients: to a local run by default, to a deployed stage with URL and token. */

import { UsageError } from './arguments.ts'

/** URLs of both APIs. Locally one server serves both; a stage has a URL for each. */
export type Endpoints = { readonly http: string; readonly webSocket: string }

export const localUrl = 'http://127.0.0.1:4000'

/**
 * Returns the endpoints for `--url`: a `ws(s)://` URL is used as it is; to an `http(s)://` URL the local run's `/ws` is
 * added.
 */
export function endpointsOf(url: string): Endpoints {
  const parsed = URL.parse(url)
  if (!parsed || !['http:', 'https:', 'ws:', 'wss:'].includes(parsed.protocol))
    throw new UsageError(`--url must be an http(s):// or ws(s):// URL, not "${url}"`)
  const base = url.replace(/\/$/, '')
  if (parsed.protocol.startsWith('ws')) return { webSocket: base, http: parsed.origin.replace(/^ws/, 'http') }
  return { http: base, webSocket: `${base.replace(/^http/, 'ws')}/ws` }
}

/** Asks a local run for a token. A deployed stage issues none: its tokens come from the marketplace. */
export async function localToken(
  http: string,
  claims: { companyId?: string | undefined; role: string },
): Promise<string> {
  const { token } = await post(`${http}/dev/tokens`, claims, 'Is `npm start` running? A deployed stage needs --token.')
  if (typeof token !== 'string') throw new Error(`${http} issued no token. A deployed stage needs --token.`)
  return token
}

/** Posts JSON and returns the answer's JSON object. Throws an error with `hint` on an error status or without an answer. */
export async function post(url: string, body: object, hint: string): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' }
  const { status, ok, text } = await ask(url, { method: 'POST', headers, body: JSON.stringify(body) }, hint)
  if (!ok) throw new Error(`${url} answered ${status}: ${text}. ${hint}`)
  return JSON.parse(text) as Record<string, unknown>
}

export type Answer = { readonly status: number; readonly ok: boolean; readonly text: string }

/** Longer than API Gateway's own limit: it answers within 30 s, whatever happens behind it. */
const answerTimeoutMs = 40_000

/** Fetches a URL. Throws an error with `hint` when the server cannot be reached or does not answer in time. */
export async function ask(url: string, init: RequestInit, hint: string, timeoutMs = answerTimeoutMs): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(url, { ...init, signal })
    // Within the same time limit: the connection may hang in the middle of the body.
    return { status: response.status, ok: response.ok, text: await response.text() }
  } catch (error) {
    const { origin } = new URL(url)
    const what = signal.aborted
      ? `${origin} did not answer in time; it may have carried out the request all the same.`
      : `Cannot reach ${origin}.`
    throw new Error(`${what} ${hint}`, { cause: error })
  }
}
