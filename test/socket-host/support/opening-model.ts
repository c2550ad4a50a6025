/**
 * A model of a host with one core, whose openings share it and wait for answers in between. The pacing under test decides
 * when they open.
 */
import type { Pacing, PacingDeps } from '../../../socket-host/company/pacing.ts'
import { seeded, sharedCore, ticksPerSecond, virtualTime } from './modelled-core.ts'

/** One opening on a host that does nothing else, in ms: of the core, and in all. */
type Cost = { readonly cpu: number; readonly whole: number }

type Urgency = 'pairing' | 'restart' | 'reconnect'

export type Scene = Readonly<Record<Urgency, Cost>> & {
  readonly seconds: number
  /** Requests that come together, the second in which they do, and requests in a second. */
  readonly burst: number
  readonly burstAt: number
  readonly perSecond: number
  /** Share of the owners who type their code, and the ms within which they do. */
  readonly typed: number
  readonly typedWithin: number
  /** Sessions that wait to reconnect at the start, and those that close in a second. */
  readonly backlog: number
  readonly closesPerSecond: number
  /** Share of the core that all other work takes. */
  readonly otherWork: number
}

/** Times in ms; a time that was not over at the end counts as it was then. */
export type Seen = {
  readonly busy: number
  /** From the admission to the code. */
  readonly codes: readonly number[]
  /** From the typed code to the turn of the restart, and to its end. */
  readonly restartTurns: readonly number[]
  readonly connected: readonly number[]
  readonly reconnectTurns: readonly number[]
  /** Share of the time for which the core was busy. */
  readonly utilisation: number
  /** Least share of the running openings that were reconnects, over ten seconds in which some waited throughout. */
  readonly leastReconnects: number
}

/** Measures times; those that are not over yet count until now. */
function stopwatch(monotonic: () => number) {
  const ended: number[] = []
  const running = new Set<{ readonly since: number }>()
  return {
    running,
    /** Starts a time. The returned function ends it. */
    start: () => {
      const time = { since: monotonic() }
      running.add(time)
      return () => {
        if (running.delete(time)) ended.push(monotonic() - time.since)
      }
    },
    all: () => [...ended, ...[...running].map(({ since }) => monotonic() - since)],
  }
}

/** Time from the admission of an attempt until its socket is asked for: a write to the store. */
const acceptMs = 20

/** Makes what happens on the host: requests, and sessions that close. */
function hostOf(scene: Scene, pacingOf: (deps: PacingDeps) => Pacing, seed: number) {
  const random = seeded(seed)
  const time = virtualTime()
  const core = sharedCore(time.monotonic, scene.otherWork)
  const pacing = pacingOf({ time, load: core.load })
  const watch = () => stopwatch(time.monotonic)
  const watches = { codes: watch(), restartTurns: watch(), connected: watch(), reconnectTurns: watch() }
  let busy = 0

  function open(urgency: Urgency, turned: () => void, opened: () => void): void {
    const { cpu, whole } = scene[urgency]
    const leave = pacing.enter(urgency, () => {
      turned()
      const done = () => {
        leave('served')
        opened()
      }
      // Later, because `leave` does not exist yet.
      time.after(0, () => core.run({ urgency, cpu, waits: (whole - cpu) * (0.5 + random()), done }))
    })
  }

  const typed = () => open('restart', watches.restartTurns.start(), watches.connected.start())

  function request(): void {
    if (pacing.admitAttempt(20_000) !== 'admitted') return void busy++
    const shown = watches.codes.start()
    const onCode = () => {
      shown()
      if (random() < scene.typed) time.after(random() * scene.typedWithin, typed)
    }
    time.after(acceptMs, () => open('pairing', () => undefined, onCode))
  }

  const reconnect = () => open('reconnect', watches.reconnectTurns.start(), () => undefined)
  return { random, time, core, watches, request, reconnect, busy: () => busy }
}

/** Plays the scene. */
export function play(scene: Scene, pacingOf: (deps: PacingDeps) => Pacing, seed = 1): Seen {
  const { random, time, core, watches, request, reconnect, busy } = hostOf(scene, pacingOf, seed)
  const share = leastShare(core, 10 * ticksPerSecond)
  for (let session = 0; session < scene.backlog; session++) reconnect()
  for (let tick = 0; tick < scene.seconds * ticksPerSecond; tick++) {
    for (let owner = 0; tick === scene.burstAt * ticksPerSecond && owner < scene.burst; owner++) request()
    if (random() < scene.perSecond / ticksPerSecond) request()
    if (random() < scene.closesPerSecond / ticksPerSecond) reconnect()
    time.tick()
    core.tick()
    share.look(watches.reconnectTurns.running.size > 0)
  }
  const { codes, restartTurns, connected, reconnectTurns } = watches
  return {
    ...{ busy: busy(), utilisation: core.utilisation(), leastReconnects: share.least() },
    ...{ codes: codes.all(), restartTurns: restartTurns.all() },
    ...{ connected: connected.all(), reconnectTurns: reconnectTurns.all() },
  }
}

function leastShare(core: ReturnType<typeof sharedCore>, ticks: number) {
  let least = 1
  let [looks, ofReconnects, ofAll] = [0, 0, 0]
  return {
    look: (isAnyWaiting: boolean) => {
      if (isAnyWaiting)
        [looks, ofReconnects, ofAll] = [looks + 1, ofReconnects + core.count('reconnect'), ofAll + core.count()]
      if (looks === ticks) least = Math.min(least, ofReconnects / Math.max(1, ofAll))
      if (looks === ticks || !isAnyWaiting) [looks, ofReconnects, ofAll] = [0, 0, 0]
    },
    least: () => least,
  }
}
