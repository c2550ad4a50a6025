/** Asks WhatsApp for a pairing code, and waits until WhatsApp has accepted it (R17). */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { Log } from './baileys-logger.ts'
import { type BaileysSocket, childOf, type Stanza } from './baileys-socket.ts'
import { messageOf } from './close-reason.ts'
import { helloClosed, helloRefusal, helloUnanswered } from './hello-answer.ts'

export type CodeDeps = {
  readonly baileys: BaileysSocket
  /** Resolves when the socket is gone. */
  readonly gone: Promise<unknown>
  /** Time limit for WhatsApp's answer. */
  readonly helloMs: number
  readonly log: Log
}

/** Returns the code as owners type it, `ABCD-EFGH`, or the failure. `phone` is digits. */
export async function requestCode(
  { baileys, gone, helloMs, log }: CodeDeps,
  phone: string,
): Promise<Result<string, Failure>> {
  const answer = listenForAnswer(baileys, tagAfter(baileys.generateMessageTag()))
  const refused = Promise.race([answer.refusal, gone.then(() => helloClosed)])
  try {
    // Baileys resolves as soon as it has sent the request, whatever WhatsApp answers (R17).
    const sent = baileys.requestPairingCode(phone)
    const answered = Promise.race([refused, sent.then(() => refused)])
    const refusal = await waitAtMost(helloMs, answered, () => helloUnanswered)
    return refusal ? err(refusal) : ok((await sent).replace(/^(.{4})(.{4})$/, '$1-$2'))
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'Could not request a pairing code')
    return err(helloClosed)
  } finally {
    answer.stop()
  }
}

/** Returns the tag that Baileys gives its next stanza: it draws one in the same tick in which a code is requested. */
function tagAfter(tag: string): string {
  const [, prefix, number] = /^(.*\D)(\d+)$/.exec(tag) ?? []
  if (prefix === undefined) throw new Error('Message tags are not numbered any more')
  return `${prefix}${Number(number) + 1}`
}

/** Waits for the answer with this tag. `refusal` resolves undefined when WhatsApp has accepted the request. */
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
