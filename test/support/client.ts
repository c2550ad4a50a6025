/** A marketplace front end for tests, with a real WebSocket. Tests wait for events instead of sleeping. */
import { WebSocket } from 'ws'

export type Frame = { readonly event: string; readonly seq: number; readonly [field: string]: unknown }
type Wanted = string | ((frame: Frame) => boolean)

export type Client = {
  readonly frames: readonly Frame[]
  readonly send: (message: unknown) => void
  /** Consumes the next matching frame. Frames that do not match stay for later calls. */
  readonly next: (wanted: Wanted, withinMs?: number) => Promise<Frame>
  /**
   * Sends an action with a request id and waits for the event with this id; rejects when the answer is an error
   * instead.
   */
  readonly ask: (action: string, event: string, fields?: object) => Promise<Frame>
  readonly raw: WebSocket
  readonly close: () => Promise<void>
}

/** Long enough for a busy machine. Benchmarks measure promises about shorter times. */
const frameTimeoutMs = 60_000

let requests = 0

/** Connects; rejects with an error that has the HTTP status when the upgrade is refused. */
export async function connect(url: string, protocols: string[] = []): Promise<Client> {
  const raw = new WebSocket(url, protocols)
  const frames: Frame[] = []
  const unconsumed: Frame[] = []
  const waiters: { matches: (frame: Frame) => boolean; resolve: (frame: Frame) => void }[] = []
  raw.on('message', (data) => {
    const frame = JSON.parse(String(data)) as Frame
    frames.push(frame)
    const index = waiters.findIndex((waiter) => waiter.matches(frame))
    if (index < 0) unconsumed.push(frame)
    else waiters.splice(index, 1)[0]?.resolve(frame)
  })
  await new Promise<void>((resolve, reject) => {
    raw.once('open', resolve)
    raw.once('error', reject)
    raw.once('unexpected-response', (_request, response) => reject(new Error(`refused with ${response.statusCode}`)))
  })

  const next = (wanted: Wanted, withinMs = frameTimeoutMs): Promise<Frame> => {
    const matches = typeof wanted === 'string' ? (frame: Frame) => frame.event === wanted : wanted
    const index = unconsumed.findIndex(matches)
    if (index >= 0) return Promise.resolve(unconsumed.splice(index, 1)[0]!)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = frames.map((frame) => `${frame.event}${frame['code'] ? `(${frame['code']})` : ''}`)
        reject(new Error(`no ${wanted} within ${withinMs} ms; seen: ${seen.join(', ')}`))
      }, withinMs)
      const found = (frame: Frame) => {
        clearTimeout(timer)
        resolve(frame)
      }
      waiters.push({ matches, resolve: found })
    })
  }
  const send = (message: unknown) => raw.send(typeof message === 'string' ? message : JSON.stringify(message))
  const ask = async (action: string, event: string, fields: object = {}) => {
    const requestId = `r${++requests}`
    send({ action, requestId, ...fields })
    const isAnswer = (frame: Frame) => frame.event === event || isRefusal(frame)
    const answer = await next((frame) => frame['requestId'] === requestId && isAnswer(frame))
    if (answer.event !== event) throw new Error(`${action}: ${JSON.stringify(answer)} instead of ${event}`)
    return answer
  }
  const close = () =>
    new Promise<void>((resolve) => {
      if (raw.readyState === WebSocket.CLOSED) return resolve()
      raw.once('close', () => resolve())
      raw.close()
    })
  return { frames, send, next, ask, raw, close }
}

const isRefusal = ({ event }: Frame): boolean => event === 'error' || event.endsWith('-error')
