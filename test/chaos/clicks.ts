/** Requests of owners during an outage: for the phone that is linked, and for another one (R8, R9). */
import type { Client, Frame } from '../support/client.ts'
import type { Company } from '../support/fleet.ts'
import { asOwner, linkedOf, type Scene } from './scene.ts'

/** Time that an owner waits for an answer, and for the end of a code that was typed. Answers are lost in outages. */
const patienceMs = 30_000

/** One click for the linked phone of a company, and one for another phone of another company. `act` is for the report. */
export async function clickBoth(scene: Scene, act: string): Promise<void> {
  await Promise.all([
    asOwner(scene, linkedOf(scene), (company) => clickSame(scene, act, company)),
    asOwner(scene, linkedOf(scene), (company) => clickOther(scene, act, company)),
  ])
}

/** Types the code if one is shown: then the new link replaces the old one. */
async function clickSame(scene: Scene, act: string, company: Company): Promise<void> {
  await withClient(scene, company, async (client) => {
    const answer = await ask(client, company.phone.number)
    count(scene, `${act}, same phone: ${nameOf(answer)}`)
    if (!answer) client.send(cancel)
    if (answer?.event !== 'pairing-code') return
    scene.links.mayBeReplaced(company.companyId)
    await company.phone.enterCode(answer['code']).catch(() => undefined)
    await client.next((frame) => isEnd(frame), patienceMs).catch(() => undefined)
  })
}

/**
 * Cancels the code if one is shown: then the old link is gone, as its owner wanted. An error may follow a code whose
 * frame was lost. Without an answer either may be true.
 */
async function clickOther(scene: Scene, act: string, company: Company): Promise<void> {
  const { expected, stage } = scene
  expected.set(company, 'unknown')
  const isAsked = await withClient(scene, company, async (client) => {
    const answer = await ask(client, stage.fresh().phone.number)
    count(scene, `${act}, other phone: ${nameOf(answer)}`)
    if (answer?.event === 'pairing-code-error') {
      const wasShown = await scene.links.isReplacedByPhone(company.companyId).catch(() => undefined)
      expected.set(company, wasShown === undefined ? 'unknown' : wasShown ? 'unlinked' : 'linked')
    }
    if (answer?.event === 'pairing-code') expected.set(company, 'unlinked')
    if (answer?.event !== 'pairing-code-error') client.send(cancel)
  })
  if (!isAsked) expected.set(company, 'linked')
}

/** Returns false when the client could not connect. */
async function withClient(
  { stage }: Scene,
  { companyId }: Company,
  use: (client: Client) => Promise<void>,
): Promise<boolean> {
  const client = await stage.client(companyId).catch(() => undefined)
  if (!client) return false
  await use(client).finally(() => client.close())
  return true
}

async function ask(client: Client, phoneNumber: string): Promise<Frame | undefined> {
  client.send({ action: 'request-pairing-code', phoneNumber, requestId: 'click' })
  const isAnswer = (frame: Frame) =>
    frame['requestId'] === 'click' && (frame.event === 'pairing-code' || isEnd(frame) || frame.event === 'error')
  return client.next(isAnswer, patienceMs).catch(() => undefined)
}

const cancel = { action: 'cancel-pairing', requestId: 'cancel' }

/** True for the end of a request: the phone is linked, or an error says why not. */
export const isEnd = ({ event }: Frame): boolean => event === 'whatsapp-connected' || event === 'pairing-code-error'

/** The error's code, or the event. */
const nameOf = (answer: Frame | undefined): string =>
  !answer ? 'no answer' : answer.event.endsWith('error') ? String(answer['code']) : answer.event

/** Counts a click by its act and its answer. */
export function count({ clicks }: Scene, name: string): void {
  clicks.set(name, (clicks.get(name) ?? 0) + 1)
}
