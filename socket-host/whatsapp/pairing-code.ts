/** Asks WhatsApp for a pairing code, and waits until it has said yes (R17). */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { Log } from './baileys-logger.ts'
import { type BaileysSocket, childOf, type Stanza } from './baileys-socket.ts'
import { messageOf } from './close-reason.ts'
import { helloClosed, helloRefusal, helloUnanswered } from './hello-answer.ts'

export type CodeDeps = {
  readonly baileys: BaileysSocket
  readonly gone: Promise<unknown>
  /** For WhatsApp's answer. */
  readonly helloMs: number
  readonly log: Log
}

/** The code as owners type it, `ABCD-EFGH`; or why there is none. `phone` is digits. */
export async function requestCode(
  { baileys, gone, helloMs, log }: CodeDeps,
  phone: string,
): Promise<Result<string, Failure>> {
  const answer = listenForAnswer(baileys, tagAfter(baileys.generateMessageTag()))
  const refused = Promise.race([answer.refusal, gone.then(() => helloClosed)])
  try {
    // The library resolves as soon as it has sent the request, whatever WhatsApp answers (R17).
    const sent = baileys.requestPairingCode(phone)
    const answered = Promise.race([refused, sent.then(() => refused)])
    const refusal = await waitAtMost(helloMs, answered, () => helloUnanswered)
    return refusal ? err(refusal) : ok((await sent).replace(/^(.{4})(.{4})$/, '$1-$2'))
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'A pairing code could not be asked for')
    return err(helloClosed)
  } finally {
    answer.stop()
  }
}

/** The library draws the next tag in the same tick in which it is asked for a code. */
function tagAfter(tag: string): string {
  const [, prefix, number] = /^(.*\D)(\d+)$/.exec(tag) ?? []
  if (prefix === undefined) throw new Error('Message tags are not numbered any more')
  return `${prefix}${Number(number) + 1}`
}

/** Resolves with the refusal, or undefined when the request was accepted. */
function listenForAnswer({ ws }: BaileysSocket, tag: string) {
  const { promise, resolve } = Promise.withResolvers<Failure | undefined>()
  const read = (answer: Stanza) => resolve(refusalIn(answer))
  ws.on(`TAG:${tag}`, read)
  return {
    refusal: promise,
    stop: () => ws.off(`TAG:${tag}`, read),
  }
}

function refusalIn(answer: Stanza): Failure | undefined {
  const error = childOf(answer, 'error')
  if (error) return helloRefusal(Number(error.attrs['code']))
  return answer.attrs['type'] === 'error' ? helloRefusal(0) : undefined
}
