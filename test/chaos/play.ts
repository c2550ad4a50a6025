/** Causes random failures in a whole local run for a while, ends them, and reports the damage. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Company, fleetOf, quickLeases } from '../support/fleet.ts'
import { restartHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { type StoredLinks, storedLinks } from '../support/stored-links.ts'
import { dealer, type NamedAct } from './acts.ts'
import { dice } from './dice.ts'
import { type HealthChecks, healthChecks } from './health-checks.ts'
import { watchLinks } from './links.ts'
import { type Kind, linkedOf, type Scene } from './scene.ts'
import { type Report, unexcused, watchOffline } from './watch.ts'

export type ChaosOptions = {
  readonly seconds: number
  readonly hosts: number
  readonly companies: number
  readonly seed: number
  /** Names of acts that are not played. */
  readonly without?: readonly string[]
  /** Names of the acts that are played; all of them when absent. */
  readonly only?: readonly string[]
  readonly say: (line: string) => void
  /** Gets every log line of hosts, functions and the simulated WhatsApp. */
  readonly log?: (source: string, line: string) => void
}

const connectMs = 300_000
/** Time after which a session that is not back counts as lost. What is promised is shorter (`promisedBackMs`). */
const lostAfterMs = 420_000
/** Time in which a typed code connects, or a cancelled one ends. */
const attemptEndsMs = 45_000
/** Shortest outage of all sessions. */
const shortestOutageMs = 4000

export async function chaos(options: ChaosOptions): Promise<Report> {
  let storeRefusals = 0
  let leasesLost = 0
  let closedByStore = 0
  const acting = actsInPlay()
  const health = healthChecks()
  const stage = await startStage({
    hosts: options.hosts,
    environment: {
      ...quickLeases,
      CODES_PER_PHONE: '1000',
      CODES_PER_FOREIGN_PHONE: '1000',
      CODES_PER_COMPANY: '1000',
    },
    log: (source, line) => {
      options.log?.(source, line)
      health.line(source, line)
      if (/"outcome":"stale"|fenced|Another host owns/.test(line)) storeRefusals += 1
      if (line.includes('"Lease lost"')) leasesLost += 1
      // A host that stands still or dies may lose its sockets; a throttle alone must not cost one (R64).
      if (acting.has('throttle') && !acting.playing('host') && line.includes('credentials store: ')) closedByStore += 1
    },
  })
  const store = storedLinks(stage.run)
  try {
    const scene = await setScene(stage, store, health, acting, options)
    const { fleet } = scene
    const watching = new AbortController()
    const offline = watchOffline(fleet, () => linkedOf(scene), watching.signal)
    const background = [
      scene.links.keepLooking(watching.signal),
      health.keepChecking(stage.run.hostProcesses, watching.signal),
      offline.done,
    ]
    const done = await act(scene, acting, options)
    options.say('everything is mended, who is back?')
    const back = await whoIsBack(scene)
    await Promise.all(scene.clicking)
    watching.abort()
    await Promise.all(background)
    const { violations } = await fleet.simulator()
    const { 'device-online-twice': _judged, ...others } = violations.counts
    return {
      done,
      clicks: Object.fromEntries([...scene.clicks].sort()),
      linksLost: await scene.links.lost(),
      ...back,
      twins: unexcused(await fleet.twins(), scene.pauses),
      stuckAttempts: [...scene.stuck, ...(await attemptsLeft(scene))],
      worstRecoveryMs: offline.worstMs(),
      hostsReplaced: health.replaced(),
      ...{ storeRefusals, leasesLost, closedByStore },
      violations: others,
    }
  } finally {
    store.close()
    await stage.stop()
  }
}

async function setScene(
  stage: Stage,
  store: StoredLinks,
  health: HealthChecks,
  acting: ActsInPlay,
  { companies, seed, seconds, say }: ChaosOptions,
): Promise<Scene> {
  const fleet = fleetOf(stage)
  const linked = await linkedCompanies(stage, companies)
  await fleet.untilSpread()
  const expected: Scene['expected'] = new Map(linked.map((company) => [company, 'linked']))
  const startedAt = performance.now()
  return {
    ...{ stage, fleet, expected, health, say },
    playing: acting.playing,
    random: dice(seed),
    links: watchLinks(store, () => linkedOf({ expected })),
    busy: new Set(),
    pauses: [],
    stuck: [],
    clicking: [],
    clicks: new Map(),
    outageMs: (wanted) => {
      const left = seconds * 1000 - (performance.now() - startedAt)
      return Math.max(shortestOutageMs, Math.min(wanted * 1000, seconds * 500, left))
    },
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

/** Runs random acts for the given time. Rejects when an act failed, after the other running acts have ended. */
async function act(
  scene: Scene,
  acting: ActsInPlay,
  { seconds, say, without = [], only }: ChaosOptions,
): Promise<Record<string, number>> {
  const until = performance.now() + seconds * 1000
  const busy = new Map<string, Promise<void>>()
  const done: Record<string, number> = {}
  const failures: Error[] = []
  const draw = dealer(scene.random, (name) => !without.includes(name) && (only?.includes(name) ?? true))
  while (performance.now() < until && failures.length === 0) {
    const next = draw((kind) => busy.has(kind))
    if (next) {
      say(`${Math.round((until - performance.now()) / 1000)} s left: ${next.name}`)
      done[next.name] = (done[next.name] ?? 0) + 1
      acting.begin(next)
      const played = next
        .act(scene)
        .catch((cause) => void failures.push(new Error(`${next.name} failed`, { cause })))
        .finally(() => {
          busy.delete(next.kind)
          acting.end(next)
        })
      busy.set(next.kind, played)
    }
    await pause(scene.random.between(200, 1500))
  }
  await Promise.all(busy.values())
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join(', '))
  return done
}

/** Time for which what happens may still be the fault of an act that is over. */
const aftermathMs = 15_000

type ActsInPlay = ReturnType<typeof actsInPlay>

/** The acts that are being played, and the kinds of those that have just ended. */
function actsInPlay() {
  const played = new Set<string>()
  const endedAt = new Map<Kind, number>()
  return {
    begin: ({ name, kind }: NamedAct) => {
      played.add(name)
      endedAt.set(kind, Number.POSITIVE_INFINITY)
    },
    end: ({ name, kind }: NamedAct) => {
      played.delete(name)
      endedAt.set(kind, performance.now())
    },
    has: (name: string) => played.has(name),
    playing: (kind: Kind) => (endedAt.get(kind) ?? Number.NEGATIVE_INFINITY) + aftermathMs > performance.now(),
  }
}

/** Measures the time until all sessions are back whose links are not lost. */
async function whoIsBack(scene: Scene): Promise<Pick<Report, 'allBackMs' | 'sessionsLost'>> {
  const linked = linkedOf(scene).filter(({ companyId }) => !scene.links.isLost(companyId))
  try {
    return { allBackMs: Math.round(await scene.fleet.untilConnected(linked, lostAfterMs)), sessionsLost: [] }
  } catch (error) {
    return { allBackMs: lostAfterMs, sessionsLost: [error instanceof Error ? error.message : String(error)] }
  }
}

/** Waits for the end of all attempts, and returns those that should have ended. */
async function attemptsLeft(scene: Scene): Promise<readonly string[]> {
  const until = performance.now() + attemptEndsMs
  for (;;) {
    const left = await runningAttempts(scene)
    if (left.length === 0 || performance.now() > until) return left
    await pause(1000)
  }
}

/** Only an expired code may remain, which waits on its socket to be typed late. */
async function runningAttempts({ fleet, expected }: Scene): Promise<readonly string[]> {
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
