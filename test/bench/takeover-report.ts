/** What the looks at a take-over say: its times, its costs, and the promises that were broken. Pure. */
import { leaseTimes } from '#shared/config/settings.ts'
import { milliseconds, percentile } from './figures.ts'

/** One look. CPU and idle times are in seconds since some moment; `idle` is of all cores of the machine. */
export type Look = {
  /** Milliseconds since the kill. */
  readonly atMs: number
  /** Sessions that are online again. */
  readonly back: number
  readonly heirs: readonly number[]
  /** The process with tables, queues, functions, simulated WhatsApp and this benchmark. */
  readonly rest: number
  /** Load of each heir's event loop in its last second, 0 to 1. */
  readonly loads: readonly number[]
  readonly idle: number
  readonly cores: number
}

/** An owner who has asked for a code. `isOrphan`: of a company of the dead host. */
export type Owner = {
  readonly askedAtMs: number
  readonly tookMs: number
  readonly isOrphan: boolean
  readonly error?: string
}

export type Seen = { readonly looks: readonly Look[]; readonly owners: readonly Owner[] }

/** Promised ms to a code (R18). */
const codeWithinMs = 20_000
/** With less of the machine idle, everything waits for its cores, and times say little about a host with its own. */
const idleShare = 0.15

/** Promised ms from the kill to the last session, for up to a thousand (R68). */
const backWithinMs = (heirs: number): number => leaseTimes.staleMs + (heirs > 1 ? 10_000 : 20_000)

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Figures of the time from the last look without a session to the last session. */
function figuresOf({ looks }: Seen) {
  const first = looks.findIndex(({ back }) => back > 0)
  const [begin, end, half] = [looks[Math.max(0, first - 1)], looks.at(-1), looks.find(isHalf(looks.at(-1)?.back ?? 0))]
  if (!begin || !end || !half) throw new Error('Nothing was taken over')
  const wall = (end.atMs - begin.atMs) / 1000
  const heirs = end.heirs.map((cpu, heir) => ({
    cpu: cpu - (begin.heirs[heir] ?? 0),
    loads: looks.slice(first).map(({ loads }) => loads[heir] ?? 0),
  }))
  return {
    ...{ begin, end, heirs, wall, firstMs: looks[first]?.atMs ?? 0, halfMs: half.atMs },
    rest: end.rest - begin.rest,
    idle: (end.idle - begin.idle) / (wall * end.cores),
    /** What the last session would have taken if each heir had a core of its own, and nothing else made it wait. */
    floorMs: begin.atMs + Math.max(...heirs.map(({ cpu }) => cpu)) * 1000,
  }
}

const isHalf =
  (all: number) =>
  ({ back }: Look): boolean =>
    back >= all / 2

/** Returns lines for people. */
export function linesOf(seen: Seen): readonly string[] {
  const { end, heirs, wall, firstMs, halfMs, rest, idle, floorMs } = figuresOf(seen)
  const cpu = heirs.reduce((sum, each) => sum + each.cpu, 0)
  const each = heirs.map(
    ({ cpu, loads }) =>
      `${percent(cpu / wall)} of a core, loop ${percent(percentile(loads, 0.5))} (most ${percent(Math.max(...loads))})`,
  )
  return [
    `${heirs.length === 1 ? 'one heir ' : `${heirs.length} heirs`}  first ${seconds(firstMs)}  half ${seconds(halfMs)}  ` +
      `last ${seconds(end.atMs)}  promised ${seconds(backWithinMs(heirs.length))}`,
    `  CPU of the heirs ${((cpu / end.back) * 1000).toFixed(1)} ms a session; on cores of their own the last after ` +
      `${seconds(floorMs)} at the earliest`,
    `  heirs: ${each.join('; ')}`,
    `  tables, functions and WhatsApp ${percent(rest / wall)} of a core; of the machine ${percent(idle)} idle`,
    ...ownerLines(seen.owners, firstMs),
  ]
}

function ownerLines(owners: readonly Owner[], firstMs: number): readonly string[] {
  const groups: readonly [string, readonly Owner[]][] = [
    ['before it, on the heirs', owners.filter(({ isOrphan, askedAtMs }) => !isOrphan && askedAtMs < firstMs - 2000)],
    ['before it, on the dead host', owners.filter(({ isOrphan, askedAtMs }) => isOrphan && askedAtMs < firstMs)],
    ['during the take-over', owners.filter(({ askedAtMs }) => askedAtMs >= firstMs)],
  ]
  return groups.flatMap(([name, group]) => {
    const times = group.map(({ tookMs }) => tookMs)
    const errors = group.flatMap(({ error }) => error ?? [])
    const told = `p50 ${milliseconds(percentile(times, 0.5))}  last ${milliseconds(percentile(times, 1))}`
    return group.length === 0
      ? []
      : [`  ${group.length} codes asked for ${name}  ${told}  ${errors.join(' ')}`.trimEnd()]
  })
}

/**
 * Returns the promises that were broken. Late sessions are the machine's fault when it had no idle time and the heirs' CPU
 * time alone would have been in time.
 */
export function brokenOf(seen: Seen): readonly string[] {
  const { end, heirs, floorMs, idle } = figuresOf(seen)
  const promisedMs = backWithinMs(heirs.length)
  const shown = idle < idleShare ? floorMs : end.atMs
  const late = seen.owners.filter(({ tookMs, error }) => tookMs > codeWithinMs || error !== undefined)
  return [
    ...(shown > promisedMs ? [`all sessions back within ${seconds(promisedMs)}`] : []),
    ...(late.length > 0 ? [`each code within ${seconds(codeWithinMs)}: ${late.length} were not`] : []),
  ]
}
