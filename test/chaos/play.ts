/** Causes random failures in a whole local run for a while, ends them, and reports the damage. */
import { setTimeout as pause } from 'node:timers/promises'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import { type Company, type Fleet, fleetOf, quickLeases, signal } from '../support/fleet.ts'
import { restartHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { type Dice, dice } from './dice.ts'
import { type Pause, type Report, unexcused, watchOffline } from './watch.ts'

export type ChaosOptions = {
  readonly seconds: number
  readonly hosts: number
  readonly companies: number
  readonly seed: number
  readonly say: (line: string) => void
}

/** Expected state of a company. `unknown`: the answer to a reset or a request got lost, so either may be true. */
type ExpectedState = 'linked' | 'unlinked' | 'unknown'

type Scene = {
  readonly stage: Stage
  readonly fleet: Fleet
  readonly random: Dice
  readonly expected: Map<Company, ExpectedState>
  readonly pauses: Pause[]
  readonly stuck: string[]
}

/** Causes a failure; resolves when it is over. */
type Act = (scene: Scene) => Promise<void>

/** Time limit for a client to learn the outcome of a request: the time to get a code, to type it, and to connect. */
const answerMs = 90_000
const connectMs = 300_000

export async function chaos(options: ChaosOptions): Promise<Report> {
  let storeRefusals = 0
  let leasesLost = 0
  const stage = await startStage({
    hosts: options.hosts,
    environment: { ...quickLeases, CODES_PER_PHONE: '1000', CODES_PER_COMPANY: '1000' },
    log: (_source, line) => {
      if (/"outcome":"stale"|fenced|Another host owns/.test(line)) storeRefusals += 1
      if (line.includes('"Lease lost"')) leasesLost += 1
    },
  })
  try {
    const fleet = fleetOf(stage)
    const companies = await linkedCompanies(stage, options.companies)
    await fleet.untilSpread()
    const expected = new Map<Company, ExpectedState>(companies.map((company) => [company, 'linked']))
    const scene: Scene = { stage, fleet, random: dice(options.seed), expected, pauses: [], stuck: [] }
    const watching = new AbortController()
    const offline = watchOffline(fleet, () => linkedOf(scene), watching.signal)
    const done = await act(scene, options)
    options.say('everything is mended, who is back?')
    const sessionsLost = await lostIn(scene)
    watching.abort()
    await offline.done
    const { violations } = await fleet.simulator()
    const { 'device-online-twice': _judged, ...others } = violations.counts
    return {
      done,
      sessionsLost,
      twins: unexcused(await fleet.twins(), scene.pauses),
      stuckAttempts: [...scene.stuck, ...(await attemptsLeft(scene))],
      worstRecoveryMs: offline.worstMs(),
      storeRefusals,
      leasesLost,
      violations: others,
    }
  } finally {
    await stage.stop()
  }
}

/**
 * Creates linked companies without pairing them, so that there can be hundreds. Companies that are reset later pair as
 * owners do.
 */
async function linkedCompanies(stage: Stage, count: number): Promise<readonly Company[]> {
  const companies = Array.from({ length: count }, () => stage.fresh())
  await seedLinked(
    stage.run,
    companies.map(({ companyId, phone }) => ({ companyId, phone: phone.number })),
  )
  await restartHosts(stage.run)
  await untilOnline(stage.run, count, connectMs)
  return companies
}

const linkedOf = ({ expected }: Scene): readonly Company[] =>
  [...expected].filter(([, how]) => how === 'linked').map(([company]) => company)

/**
 * Failures. Only one of each kind happens at a time: a host, a service and WhatsApp may fail together, two hosts may
 * not.
 */
const acts: readonly {
  readonly kind: 'host' | 'service' | 'whatsapp' | 'owner'
  readonly name: string
  readonly act: Act
}[] = [
  { kind: 'host', name: 'kill', act: (scene) => onHost(scene, 'SIGKILL') },
  { kind: 'host', name: 'terminate', act: (scene) => onHost(scene, 'SIGTERM') },
  { kind: 'host', name: 'freeze', act: freeze },
  { kind: 'service', name: 'dynamodb', act: (scene) => breakService(scene, 'dynamodb') },
  { kind: 'service', name: 'sqs', act: (scene) => breakService(scene, 'sqs') },
  { kind: 'service', name: 'management', act: (scene) => breakService(scene, 'management') },
  { kind: 'whatsapp', name: 'whatsapp', act: breakWhatsApp },
  { kind: 'whatsapp', name: 'disrupt', act: disrupt },
  { kind: 'owner', name: 'reset', act: reset },
  { kind: 'owner', name: 'pair', act: pair },
]

/** Runs random acts for the given time. Rejects when an act failed, after the other running acts have ended. */
async function act(scene: Scene, { seconds, say }: ChaosOptions): Promise<Record<string, number>> {
  const until = performance.now() + seconds * 1000
  const busy = new Map<string, Promise<void>>()
  const done: Record<string, number> = {}
  const failures: Error[] = []
  while (performance.now() < until && failures.length === 0) {
    const next = scene.random.pick(acts.filter(({ kind }) => !busy.has(kind)))
    if (next) {
      say(`${Math.round((until - performance.now()) / 1000)} s left: ${next.name}`)
      done[next.name] = (done[next.name] ?? 0) + 1
      const played = next
        .act(scene)
        .catch((cause) => void failures.push(new Error(`${next.name} failed`, { cause })))
        .finally(() => busy.delete(next.kind))
      busy.set(next.kind, played)
    }
    await pause(scene.random.between(200, 1500))
  }
  await Promise.all(busy.values())
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join(', '))
  return done
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

async function reset({ stage, random, expected }: Scene): Promise<void> {
  const company = random.pick([...expected.keys()])
  if (!company) return
  expected.set(company, 'unknown')
  const path = `/api/whatsapp/sessions/${company.companyId}/credentials`
  const answer = await stage.http('DELETE', path, { role: 'admin' }).catch(() => undefined)
  if (answer?.status === 200) expected.set(company, 'unlinked')
}

/** Pairs a company that is not linked. A failed connection ends the act; the company can be picked again later. */
async function pair(scene: Scene): Promise<void> {
  const { stage, random, expected, stuck } = scene
  const company = random.pick([...expected].filter(([, how]) => how !== 'linked').map(([each]) => each))
  if (!company) return
  expected.set(company, 'unknown')
  const client = await stage.client(company.companyId).catch(() => undefined)
  if (!client) return
  client.send({ action: 'request-pairing-code', phoneNumber: company.phone.number })
  // A client would see the outcome of a lost push by `get-status`; this test uses the HTTP API.
  const outcome = await endOf(scene, company)
  if (outcome === undefined) stuck.push(company.companyId)
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

/** Returns a sentence for each session that does not come back within 75 s, which is longer than the maximum back-off. */
async function lostIn({ fleet, expected }: Scene): Promise<readonly string[]> {
  const linked = [...expected].filter(([, how]) => how === 'linked').map(([company]) => company)
  const lost = async (company: Company) => {
    try {
      await fleet.untilConnected([company], 75_000)
      return []
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  }
  return (await Promise.all(linked.map(lost))).flat()
}

/**
 * Returns the attempts that should have ended. Only an expired code may remain, which waits on its socket to be typed
 * late.
 */
async function attemptsLeft({ fleet, expected }: Scene): Promise<readonly string[]> {
  const left = await Promise.all(
    [...expected.keys()].map(async ({ companyId }) => ({
      companyId,
      attempt: (await fleet.session(companyId)).attempt,
    })),
  )
  return left.flatMap(({ companyId, attempt }) =>
    attempt && attempt.state !== 'expired' ? [`${companyId} ${attempt.state}`] : [],
  )
}
