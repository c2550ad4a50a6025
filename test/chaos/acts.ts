/** The acts of a chaos run. */
import { setTimeout as pause } from 'node:timers/promises'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import { type Company, signal } from '../support/fleet.ts'
import type { Dice } from './dice.ts'
import { refuseAll, refuseVersion, restrictAll, wrongKey } from './outages.ts'
import { type Act, asOwner, type Kind, linkedOf, type Scene } from './scene.ts'
import { rebalance, storeAway, throttle } from './store-outages.ts'
import type { Pause } from './watch.ts'

export type NamedAct = { readonly kind: Kind; readonly name: string; readonly act: Act }

/** Time limit for a client to learn the outcome of a request: the time to get a code, to type it, and to connect. */
const answerMs = 90_000

/**
 * Failures. Only one of each kind happens at a time: a host, a service and WhatsApp may fail together, two hosts may
 * not.
 */
const acts: readonly NamedAct[] = [
  { kind: 'host', name: 'kill', act: (scene) => onHost(scene, 'SIGKILL') },
  { kind: 'host', name: 'terminate', act: (scene) => onHost(scene, 'SIGTERM') },
  { kind: 'host', name: 'freeze', act: freeze },
  { kind: 'host', name: 'wrong-key', act: wrongKey('one host') },
  { kind: 'host', name: 'wrong-key-everywhere', act: wrongKey('all hosts') },
  { kind: 'host', name: 'rebalance', act: rebalance },
  { kind: 'service', name: 'dynamodb-away', act: storeAway },
  { kind: 'service', name: 'throttle', act: throttle },
  { kind: 'service', name: 'dynamodb', act: (scene) => breakService(scene, 'dynamodb') },
  { kind: 'service', name: 'sqs', act: (scene) => breakService(scene, 'sqs') },
  { kind: 'service', name: 'management', act: (scene) => breakService(scene, 'management') },
  { kind: 'whatsapp', name: 'whatsapp', act: breakWhatsApp },
  { kind: 'whatsapp', name: 'disrupt', act: disrupt },
  { kind: 'whatsapp', name: '401', act: refuseAll },
  { kind: 'whatsapp', name: '402', act: restrictAll },
  { kind: 'whatsapp', name: '405', act: refuseVersion },
  { kind: 'owner', name: 'reset', act: reset },
  { kind: 'owner', name: 'pair', act: pair },
]

/** Names of all acts. */
export const actNames: readonly string[] = acts.map(({ name }) => name)

/**
 * Returns a function that draws a random act of a kind that is not busy. No act of a kind is repeated before all others
 * of that kind were drawn, so that a long run plays every act.
 */
export function dealer(
  random: Dice,
  isPlayed: (name: string) => boolean,
): (busy: (kind: Kind) => boolean) => NamedAct | undefined {
  const all = acts.filter(({ name }) => isPlayed(name))
  let left = all
  return (busy) => {
    const kind = random.pick([...new Set(all.map((act) => act.kind))].filter((each) => !busy(each)))
    if (!kind) return undefined
    if (!left.some((act) => act.kind === kind)) left = [...left, ...all.filter((act) => act.kind === kind)]
    const drawn = random.pick(left.filter((act) => act.kind === kind))
    left = left.filter((act) => act !== drawn)
    return drawn
  }
}

/** Sends a signal to a random host, and waits until its replacement has its share of the shards. */
async function onHost({ fleet, random }: Scene, name: NodeJS.Signals): Promise<void> {
  const before = await fleet.hosts()
  const host = random.pick(before)
  if (!host) return
  signal(host, name)
  const isReplaced = async () => {
    const now = await fleet.hosts()
    return now.length === before.length && now.every(({ hostId }) => hostId !== host.hostId)
  }
  while (!(await isReplaced())) await pause(250)
  await fleet.untilSpread(120_000)
}

async function freeze({ fleet, random, expected, pauses }: Scene): Promise<void> {
  const host: HostView | undefined = random.pick(await fleet.hosts())
  if (!host) return
  const held = fleet.heldBy(host, [...expected.keys()])
  const frozen: Pause = {
    phones: new Set(held.map(({ phone }) => phone.number)),
    from: Date.now(),
    until: Number.MAX_VALUE,
  }
  pauses.push(frozen)
  signal(host, 'SIGSTOP')
  await pause(random.between(1000, 8000))
  signal(host, 'SIGCONT')
  frozen.until = Date.now()
  await fleet.untilSpread(120_000)
}

async function breakService({ stage, random }: Scene, target: 'dynamodb' | 'sqs' | 'management'): Promise<void> {
  const how = random.pick(['down', 'silent', 'slow'] as const) ?? 'down'
  stage.run.faults.set(target, how === 'slow' ? { how, ms: random.between(100, 1500) } : { how })
  await pause(random.between(1000, 10_000))
  stage.run.faults.set(target, { how: 'ok' })
}

async function breakWhatsApp({ stage, random }: Scene): Promise<void> {
  await stage.service(random.pick(['down', 'refuse-upgrade', 'upgrade-hangs', 'handshake-garbage']) ?? 'down')
  await pause(random.between(500, 5000))
  await stage.service('ok')
}

async function disrupt({ random, expected }: Scene): Promise<void> {
  const how = random.pick(['cut', 'undecryptable', 'undecodable', 'xmlstreamend', 'vanish']) ?? 'cut'
  await random.pick([...expected.keys()])?.phone.disrupt(how)
}

/** Resets a company, unless most have no link already: then nothing would be left that an outage could harm. */
async function reset(scene: Scene): Promise<void> {
  const { stage, expected } = scene
  if (linkedOf(scene).length <= expected.size / 2) return
  await asOwner(scene, [...expected.keys()], async (company) => {
    expected.set(company, 'unknown')
    const path = `/api/whatsapp/sessions/${company.companyId}/credentials`
    const answer = await stage.http('DELETE', path, { role: 'admin' }).catch(() => undefined)
    if (answer?.status === 200) expected.set(company, 'unlinked')
  })
}

/** Pairs a company that is not linked. A failed connection ends the act; the company can be picked again later. */
async function pair(scene: Scene): Promise<void> {
  const { expected } = scene
  const linked = linkedOf(scene)
  await asOwner(
    scene,
    [...expected.keys()].filter((company) => !linked.includes(company)),
    (company) => pairOne(scene, company),
  )
}

async function pairOne(scene: Scene, company: Company): Promise<void> {
  const { stage, expected, stuck, links } = scene
  expected.set(company, 'unknown')
  const client = await stage.client(company.companyId).catch(() => undefined)
  if (!client) return
  client.send({ action: 'request-pairing-code', phoneNumber: company.phone.number })
  // A client would see the outcome of a lost push by `get-status`; this test uses the HTTP API.
  const outcome = await endOf(scene, company)
  if (outcome === undefined) stuck.push(company.companyId)
  links.mayBeReplaced(company.companyId)
  if (outcome === 'connected') expected.set(company, 'linked')
  await client.close()
}

async function endOf({ stage, fleet }: Scene, company: Company): Promise<string | undefined> {
  const until = performance.now() + answerMs
  let typed: unknown
  let idle = 0
  while (performance.now() < until) {
    await pause(500)
    const body = await fleet.session(company.companyId).catch(() => undefined)
    if (!body?.session) continue
    const { attempt, session } = body
    if (!attempt && session === 'connected') return 'connected'
    // Without an attempt, the request was refused, or its answer is still on its way.
    idle = attempt ? 0 : idle + 1
    if (idle > 10) return 'refused'
    if (attempt?.state === 'expired') return 'expired'
    const code = attempt && Reflect.get(attempt, 'code')
    if (code && code !== typed) {
      typed = code
      await stage
        .phone(company.phone.number)
        .enterCode(code)
        .catch(() => undefined)
    }
  }
  return undefined
}
