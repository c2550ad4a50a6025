/** `npm run pair`: links a company from the terminal, as a marketplace front end would. */
import { randomUUID } from 'node:crypto'
import { endpointsOf, localToken, localUrl, post } from './api.ts'
import { parseCompany, parseOptions, runMain, UsageError } from './arguments.ts'
import type { Frame } from './pair-display.ts'
import { pair } from './pairing.ts'

const usage = `npm run pair -- --company ID --phone NUMBER [--type-code] [--qr] [--lang ru|en] [--url URL] [--token TOKEN]

  --company    the company to link (with a local run; otherwise the token names it)
  --phone      the owner's WhatsApp number, in any usual form
  --type-code  the simulated phone types the code (or scans the QR)
  --qr         link by QR instead of a code
  --lang       language of error sentences (default en)
  --url        a local run (default ${localUrl}) or the WebSocket URL of a deployed stage
  --token      a client token; a local run issues one`

const options = {
  company: { type: 'string' },
  phone: { type: 'string' },
  'type-code': { type: 'boolean' },
  qr: { type: 'boolean' },
  lang: { type: 'string', default: 'en' },
  url: { type: 'string', default: process.env['PAIRPLANE_URL'] ?? localUrl },
  token: { type: 'string' },
} as const

async function main(): Promise<number> {
  const { values } = parseOptions(options, usage)
  const { company, phone, lang, qr: byQr = false } = values
  if (!company && !values.token) throw new UsageError('--company is missing')
  if (!phone && !byQr) throw new UsageError('--phone is missing')
  if (values['type-code'] && !phone) throw new UsageError('--type-code needs --phone')
  if (lang !== 'ru' && lang !== 'en') throw new UsageError(`--lang must be ru or en, not "${lang}"`)
  const { http, webSocket } = endpointsOf(values.url)
  const companyId = company && parseCompany('--company', company)
  const token = values.token ?? (await localToken(http, { companyId, role: 'marketplace' }))
  const play = values['type-code'] ? (frame: Frame) => playPhone(http, frame) : undefined
  const request = byQr ? { action: 'request-qr' } : { action: 'request-pairing-code' }
  const url = `${webSocket}?token=${encodeURIComponent(token)}&lang=${lang}`
  return pair({ url, request: { ...request, ...(phone && { phoneNumber: phone }), requestId: randomUUID() }, play })
}

/** Makes the simulated phone of the attempt type the code, or scan the QR. */
async function playPhone(http: string, frame: Frame): Promise<void> {
  const phone = frame['phoneNumber']
  const isCode = frame.event === 'pairing-code'
  const path = `/simulator/phones/${phone}/${isCode ? 'enter-code' : 'scan-qr'}`
  const body = isCode ? { code: frame['code'] } : { qr: frame['qr'] }
  const screen = await post(http + path, body, '--type-code needs a local run with the simulated WhatsApp.')
  console.log(
    `The simulated phone has ${isCode ? 'typed the code' : 'scanned the QR'} and shows "${screen['screen']}".`,
  )
}

await runMain('npm run pair -- --help', main)
