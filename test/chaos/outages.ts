/** Acts in which every session ends for a reason that is not its account's, with clicks of owners meanwhile (R45). */
import { setTimeout as pause } from 'node:timers/promises'
import { CreateKeyCommand } from '@aws-sdk/client-kms'
import { signal } from '../support/fleet.ts'
import { clickBoth } from './clicks.ts'
import type { Act, Scene } from './scene.ts'

const minute = 60

/** Longest outage of 401 in which no login that confirms a refusal has failed yet: it waits for at least 5 s (R46). */
const unconfirmedMs = 4000
/** Shortest one in which so many are confirmed that the fuse opens. Between the two, WhatsApp is right about a few. */
const fuseOpensMs = 25_000

/** WhatsApp refuses the logins of all devices with 401. */
export const refuseAll: Act = async (scene) => {
  const ms = scene.outageMs(minute)
  await refuse(scene, '401', ms < fuseOpensMs ? unconfirmedMs : ms, 'login-fails-with', { reason: 401, drop: true })
}

/** WhatsApp refuses this version of the client, for ten minutes. */
export const refuseVersion: Act = (scene) => refuse(scene, '405', scene.outageMs(10 * minute), 'outdated', {})

/** WhatsApp restricts every account until the end of the act. */
export const restrictAll: Act = async (scene) => {
  const ms = scene.outageMs(minute)
  const expire = Math.ceil(ms / 1000)
  await refuse(scene, '402', ms, 'login-fails-with', { reason: 402, expire, drop: true })
}

async function refuse(
  scene: Scene,
  name: string,
  ms: number,
  condition: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<void> {
  await scene.stage.service(condition, parameters)
  clickTwice(scene, name, ms)
  await pause(ms)
  await scene.stage.service('ok')
  scene.say(`${name} is over after ${Math.round(ms)} ms`)
}

/** Owners click early, while some sessions have not ended yet, and late. Their answers may come after the outage. */
function clickTwice(scene: Scene, name: string, ms: number): void {
  const click = async (atMs: number) => {
    await pause(atMs)
    await clickBoth(scene, name).catch((error) => void scene.stuck.push(`click during ${name}: ${error}`))
  }
  scene.clicking.push(click(ms * 0.1), click(ms * 0.6))
}

/** A deployment with a wrong `CREDENTIALS_KEY_ARN` replaces some hosts, and is rolled back. */
export const wrongKey =
  (scope: 'one host' | 'all hosts'): Act =>
  async (scene) => {
    const { stage, fleet, random } = scene
    const ms = scene.outageMs(minute)
    const before = await fleet.hosts()
    const good = new Set(before.map(({ hostId }) => hostId))
    stage.run.deploy({ CREDENTIALS_KEY_ARN: await anotherKey(scene) })
    const old = scope === 'one host' ? [random.pick(before)] : before
    for (const host of old) if (host) signal(host, 'SIGTERM')
    await untilReplaced(scene, old.length, good)
    clickTwice(scene, `wrong key on ${scope}`, ms)
    await pause(ms)
    stage.run.deploy({})
    // The others are good hosts that have not been replaced; unhealthy ones may be gone already.
    const bad = (await fleet.hosts()).filter(({ hostId }) => !good.has(hostId))
    scene.say(`wrong key on ${scope} is over after ${Math.round(ms)} ms, ${bad.length} hosts are replaced`)
    for (const host of bad) signal(host, 'SIGTERM')
    await fleet.untilSpread(120_000)
  }

/** Waits until that number of hosts are new ones. */
async function untilReplaced({ fleet }: Scene, count: number, old: ReadonlySet<string>): Promise<void> {
  while ((await fleet.hosts()).filter(({ hostId }) => !old.has(hostId)).length < count) await pause(250)
}

/** Returns a key that does not exist, or one that did not encrypt anything here. */
async function anotherKey({ stage, random }: Scene): Promise<string> {
  const isMissing = random.pick([true, false])
  const own = stage.run.cloud.containers[0]?.environment['CREDENTIALS_KEY_ARN'] ?? ''
  if (isMissing) return own.replace(/[^/]+$/, '00000000-0000-4000-8000-000000000000')
  return (await stage.run.clients.kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? ''
}
