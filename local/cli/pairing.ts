/** One pairing, as a client of the WebSocket API sees it. The client asks for the status when events got lost. */
import type { Timer } from '#shared/async/time-limit.ts'
import { keepConnected } from './connection.ts'
import { countdownLine } from './countdown-line.ts'
import { defaultOverdueTimes, whenOverdue } from './overdue.ts'
import type { Frame } from './pair-display.ts'
import { initialFacts, type PairingRequest } from './pairing-facts.ts'
import { type Effect, type PairingEvent, react } from './pairing-reaction.ts'

export type Pairing = {
  /** URL of the WebSocket API, with the token. */
  readonly url: string
  readonly request: PairingRequest
  /** Types the code or scans the QR, in place of the owner. */
  readonly play?: ((frame: Frame) => Promise<void>) | undefined
  readonly print?: (line: string) => void
  /** Timer for overdue events. */
  readonly after?: Timer
}

const cancelTimeoutMs = 3000

/**
 * Sends the request, prints the events, and resolves with the exit code. After a reconnect it resumes the attempt
 * (R21). `react` decides; this function only brings it the events and carries out the effects.
 */
export function pair({ url, request, play, print = console.log, after }: Pairing): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let facts = initialFacts(request)
  let isOver = false

  const take = (event: PairingEvent) => {
    if (isOver) return
    const reaction = react(facts, event)
    facts = reaction.facts
    for (const effect of reaction.effects) carryOut(effect)
  }
  const interrupt = () => take({ type: 'interrupted' })
  const countdown = countdownLine(print)
  const overdue = whenOverdue(() => take({ type: 'overdue' }), defaultOverdueTimes, after)
  const stop = () => {
    isOver = true
    countdown.stop()
    overdue.stop()
    connection.close()
    process.off('SIGINT', interrupt)
  }
  const fail = (error: unknown) => {
    stop()
    reject(error)
  }
  const carryOut = (effect: Effect) => {
    switch (effect.do) {
      case 'print':
        for (const line of effect.lines) print(line)
        return
      case 'send':
        return void connection.send(effect.message)
      case 'renew':
        return connection.renew()
      case 'expect':
        return overdue.expectIn(effect.seconds)
      case 'expect-nothing':
        return overdue.stop()
      case 'count-down':
        return countdown.start(effect.seconds)
      case 'stop-countdown':
        return countdown.stop()
      case 'play':
        return void play?.(effect.frame).catch(fail)
      case 'limit-cancel':
        return void setTimeout(() => take({ type: 'cancel-overdue' }), cancelTimeoutMs).unref()
      case 'finish':
        stop()
        return resolve(effect.exitCode)
    }
  }
  const connection = keepConnected(url, {
    onOpen: () => take({ type: 'opened' }),
    onFrame: (frame) => take({ type: 'frame', frame }),
    onRefused: fail,
    onLost: () => take({ type: 'lost' }),
  })
  process.on('SIGINT', interrupt)
  return promise
}
