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
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch((error: unknown) => {
    throw new Error(`Cannot reach ${new URL(url).origin}. ${hint}`, { cause: error })
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}. ${hint}`)
  return JSON.parse(text) as Record<string, unknown>
}
