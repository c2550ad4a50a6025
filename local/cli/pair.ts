/** `npm run pair`: links a company from the terminal, as a marketplace front end would. */
import { randomUUID } from 'node:crypto'
import { endpointsOf, localToken, localUrl, post } from './api.ts'
import { parseCompany, parseOptions, runMain, UsageError } from './arguments.ts'
import { keepConnected } from './connection.ts'
import { countdown, type Frame, linesFor } from './pair-display.ts'

const usage = `npm run pair -- --company ID --phone NUMBER [--type-code] [--qr] [--lang ru|en] [--url URL] [--token TOKEN]

  --company    the company to link (with a local run; else the token says it)
  --phone      the owner's WhatsApp number, in any usual form
  --type-code  the simulated phone types the code (or scans the QR)
  --qr         link by QR instead of a code
  --lang       language of error sentences (default en)
  --url        local run (default ${localUrl}) or the WebSocket URL of a deployed stage
  --token      a client token; a local run makes one`

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
  return pair(url, { ...request, ...(phone && { phoneNumber: phone }), requestId: randomUUID() }, play)
}

/** The simulated phone of the attempt types the code, or scans the QR. */
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

type Request = { readonly requestId: string; readonly phoneNumber?: string; readonly action: string }
type Play = (frame: Frame) => Promise<void>

const cancelWithinMs = 3000

/** Events that end the attempt, and the exit code of each. */
const exitCodes: Readonly<Record<string, number>> = {
  'whatsapp-connected': 0,
  'pairing-cancelled': 130,
  'pairing-code-error': 1,
  error: 1,
}

/** Asks, prints what comes, and resolves with the exit code. After a reconnect it resumes the attempt (R21). */
function pair(url: string, request: Request, play: Play | undefined): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = countdownLine()
  let wasRequested = false
  let isCancelled = false
  let isStarted = false
  let phone: unknown = request.phoneNumber

  const stop = () => {
    timer.stop()
    connection.close()
    process.off('SIGINT', cancel)
  }
  const finish = (exitCode: number) => {
    stop()
    resolve(isCancelled ? 130 : exitCode)
  }
  const fail = (error: unknown) => {
    stop()
    reject(error)
  }
  /** Not before the request is answered: on its way to the server a cancel could overtake it. */
  const sendCancel = () => !isStarted || connection.send({ action: 'cancel-pairing' })
  const giveUp = () => {
    console.log('The cancellation was not confirmed. The code lapses by itself.')
    finish(130)
  }
  function cancel(): void {
    const isAgain = isCancelled
    isCancelled = true
    if (isAgain || !wasRequested) {
      finish(130)
      return
    }
    timer.stop()
    console.log('Cancelling …')
    if (sendCancel()) setTimeout(giveUp, cancelWithinMs).unref()
    else giveUp()
  }
  function show(frame: Frame): void {
    timer.stop()
    for (const line of linesFor(frame)) console.log(line)
    if (frame.event === 'pairing-started') {
      isStarted = true
      if (isCancelled) sendCancel()
    }
    if (frame.event === 'pairing-code') timer.start(Number(frame['expiresIn']))
    const isShown = frame.event === 'pairing-code' || frame.event === 'qr'
    phone = frame['phoneNumber'] ?? phone
    if (isShown) play?.({ ...frame, phoneNumber: phone }).catch(fail)
    const exitCode = exitCodes[frame.event ?? '']
    if (exitCode !== undefined) finish(exitCode)
  }
  /** Asks on the first connection; on a later one shows what was missed, or asks again when nothing runs. */
  function resume(status: Frame): void {
    const attempt = status['attempt'] as Frame | undefined
    if (wasRequested && attempt?.['code']) show({ ...attempt, event: 'pairing-code' })
    else if (wasRequested && !attempt && status['session'] === 'connected') finish(0)
    else if (!attempt || !wasRequested) connection.send(request)
    wasRequested = true
  }
  const connection = keepConnected(url, {
    onOpen: () => connection.send({ action: 'get-status' }),
    onFrame: (frame) => (frame.event === 'status' ? resume(frame) : show(frame)),
    onRefused: fail,
    onLost: () => {
      timer.stop()
      console.log('Connection lost, reconnecting … (Ctrl-C gives up)')
    },
  })
  process.on('SIGINT', cancel)
  return promise
}

/** A line that counts down in place; where the output is no terminal it is printed once. */
function countdownLine() {
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    if (timer && process.stdout.isTTY) process.stdout.write('\r\x1b[K')
    clearInterval(timer)
    timer = undefined
  }
  const start = (seconds: number) => {
    const end = Date.now() + seconds * 1000
    const tick = () => process.stdout.write(`\r\x1b[K${countdown(Math.max(0, Math.ceil((end - Date.now()) / 1000)))}`)
    if (process.stdout.isTTY) timer = setInterval(tick, 1000)
    else console.log(countdown(seconds))
  }
  return { start, stop }
}

await runMain('npm run pair -- --help', main)
