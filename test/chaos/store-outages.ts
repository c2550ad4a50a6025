/** Acts in which DynamoDB is away or throttled for minutes, or hosts come and go while owners pair (R28, R49, R64). */
import { setTimeout as pause } from 'node:timers/promises'
import type { Fault } from '../../local/faults.ts'
import type { Client, Frame } from '../support/client.ts'
import type { Company } from '../support/fleet.ts'
import { clickBoth, count, isEnd } from './clicks.ts'
import type { Act, Scene } from './scene.ts'

const minute = 60

/** DynamoDB cannot be reached for five minutes. No host is replaced for that (R49). */
export const storeAway: Act = async (scene) => {
  const how = scene.random.pick(['down', 'silent'] as const) ?? 'down'
  const replaced = scene.health.replaced()
  await breakStore(scene, 'dynamodb-away', { how }, 5 * minute)
  const more = scene.health.replaced() - replaced
  // A host with a wrong key is replaced for a good reason.
  if (more > 0 && !scene.playing('host')) scene.stuck.push(`${more} hosts were replaced while DynamoDB was away`)
}

/** DynamoDB refuses every fifth call for ten minutes. */
export const throttle: Act = (scene) => breakStore(scene, 'throttle', { how: 'throttled', percent: 20 }, 10 * minute)

async function breakStore(scene: Scene, name: string, fault: Fault, seconds: number): Promise<void> {
  const ms = scene.outageMs(seconds)
  scene.stage.run.faults.set('dynamodb', fault)
  scene.clicking.push(
    pause(ms * 0.3)
      .then(() => clickBoth(scene, name))
      .catch((error) => void scene.stuck.push(`click during ${name}: ${error}`)),
  )
  await pause(ms)
  scene.stage.run.faults.set('dynamodb', { how: 'ok' })
  scene.say(`${name} (${fault.how}) is over after ${Math.round(ms)} ms`)
}

/** Time between two changes of the number of hosts, and between two owners who pair. */
const changeMs = 10_000
const ownerMs = 4000
/** Time limit of each step of an owner's pairing. */
const patienceMs = 60_000

/** Every ten seconds a host joins or leaves, and shards move. Meanwhile owners pair, and none is interrupted (R28). */
export const rebalance: Act = async (scene) => {
  const { stage, fleet } = scene
  const until = performance.now() + scene.outageMs(3 * minute)
  const count = stage.run.hostProcesses().length
  const pairings: Promise<void>[] = []
  const pairing = keepPairing(scene, until, pairings)
  for (let isLarge = true; performance.now() < until; isLarge = !isLarge) {
    stage.run.scaleHosts(isLarge ? count + 1 : count)
    await pause(changeMs)
  }
  stage.run.scaleHosts(count)
  await pairing
  await Promise.all(pairings)
  await fleet.untilSpread(120_000)
  scene.say(`rebalance is over, ${pairings.length} owners have paired meanwhile`)
}

async function keepPairing(scene: Scene, until: number, pairings: Promise<void>[]): Promise<void> {
  while (performance.now() < until) {
    const company = scene.stage.fresh()
    pairings.push(pairOnce(scene, company).catch((error) => void scene.say(`${company.companyId}: ${error}`)))
    await pause(ownerMs)
  }
}

/** Pairs a new company. Only the end of an attempt by a host that leaves is judged here. */
async function pairOnce(scene: Scene, company: Company): Promise<void> {
  const { stage, expected, stuck } = scene
  const isUndisturbed = () => !scene.playing('service') && !scene.playing('whatsapp')
  const wasUndisturbed = isUndisturbed()
  const client: Client = await stage.client(company.companyId)
  try {
    client.send({ action: 'request-pairing-code', phoneNumber: company.phone.number })
    const answer = await client.next(isAnswer, patienceMs)
    if (answer.event === 'pairing-code') await company.phone.enterCode(answer['code'])
    const end = answer.event === 'pairing-code' ? await client.next(isEnd, patienceMs) : answer
    if (end.event === 'whatsapp-connected') expected.set(company, 'linked')
    const code = end['code']
    count(scene, `rebalance: ${code ?? end.event}`)
    if (code === 'HOST_UNAVAILABLE' && wasUndisturbed && isUndisturbed())
      stuck.push(`${company.companyId}: a move of shards has ended an attempt`)
  } finally {
    await client.close()
  }
}

const isAnswer = (frame: Frame): boolean => frame.event === 'pairing-code' || isEnd(frame)
