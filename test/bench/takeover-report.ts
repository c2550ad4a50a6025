/** Results of the looks at a take-over: its times, its costs, and the promises that were broken. Pure. */
import { leaseTimes } from '#shared/config/settings.ts'
import { milliseconds, percentile } from './figures.ts'

/** One look. CPU and idle times are in seconds since some moment; `idle` is of all cores of the machine. */
export type Look = {
  /** Milliseconds since the kill. */
  readonly atMs: number
  /** Sessions that are online again. */
  readonly back: number
  readonly successors: readonly number[]
  /** The process with tables, queues, functions, simulated WhatsApp and this benchmark. */
  readonly rest: number
  /** Load of each successor's event loop in its last second, 0 to 1. */
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
/** Ms after the deadline in which the error of an attempt that no host has accepted is on its way. */
const deliveryMs = 1_000
/** Ms after the death of a host in which others take its leases at the latest. */
const takenWithinMs = leaseTimes.staleMs + leaseTimes.renewMs
/** With less of the machine idle, everything waits for its cores, and times say little about a host with its own. */
const idleShare = 0.15

/**
 * Promised ms from the kill to the last session, for up to a thousand (R68). A lease is taken 7 to 13 s after the kill: this
 * reckons with the mean.
 */
const backWithinMs = (successors: number): number => leaseTimes.staleMs + (successors > 1 ? 10_000 : 20_000)

/** No host has accepted the attempt because its own was dead, and its lease not yet another's (R18, R29). */
const isAllowedError = ({ askedAtMs, tookMs, isOrphan, error }: Owner): boolean =>
  isOrphan && error === 'HOST_UNAVAILABLE' && askedAtMs < takenWithinMs && tookMs <= codeWithinMs + deliveryMs

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Figures of the time from the last look without a session to the last session. */
function figuresOf({ looks }: Seen) {
  const first = looks.findIndex(({ back }) => back > 0)
  const [begin, end, half] = [looks[Math.max(0, first - 1)], looks.at(-1), looks.find(isHalf(looks.at(-1)?.back ?? 0))]
  if (!begin || !end || !half) throw new Error('Nothing was taken over')
  const wall = (end.atMs - begin.atMs) / 1000
  const successors = end.successors.map((cpu, successor) => ({
    cpu: cpu - (begin.successors[successor] ?? 0),
    loads: looks.slice(first).map(({ loads }) => loads[successor] ?? 0),
  }))
  return {
    ...{ begin, end, successors, wall, firstMs: looks[first]?.atMs ?? 0, halfMs: half.atMs },
    rest: end.rest - begin.rest,
    idle: (end.idle - begin.idle) / (wall * end.cores),
    /** The time of the last session if each successor had had a core of its own, and nothing else had made it wait. */
    floorMs: begin.atMs + Math.max(...successors.map(({ cpu }) => cpu)) * 1000,
  }
}

/** Returns the time of the last session that is compared with the promise, and why it is that one. */
function judgedOf({ end, floorMs, idle }: ReturnType<typeof figuresOf>): { readonly ms: number; readonly why: string } {
  return idle < idleShare
    ? {
        ms: floorMs,
        why: `by the CPU time of the successors: only ${percent(idle)} of the machine was idle, so that sessions waited for its cores`,
      }
    : { ms: end.atMs, why: `by the clock: ${percent(idle)} of the machine was idle` }
}

const isHalf =
  (all: number) =>
  ({ back }: Look): boolean =>
    back >= all / 2

/** Returns lines for people. */
export function linesOf(seen: Seen): readonly string[] {
  const figures = figuresOf(seen)
  const { end, successors, wall, firstMs, halfMs, rest, idle, floorMs } = figures
  const judged = judgedOf(figures)
  const cpu = successors.reduce((sum, each) => sum + each.cpu, 0)
  const each = successors.map(
    ({ cpu, loads }) =>
      `${percent(cpu / wall)} of a core, loop ${percent(percentile(loads, 0.5))} (most ${percent(Math.max(...loads))})`,
  )
  return [
    `${successors.length === 1 ? 'one successor ' : `${successors.length} successors`}  first ${seconds(firstMs)}  half ${seconds(halfMs)}  ` +
      `last ${seconds(end.atMs)}  promised ${seconds(backWithinMs(successors.length))}`,
    `  CPU of the successors ${((cpu / end.back) * 1000).toFixed(1)} ms a session, codes included; on cores of their own the last after ` +
      `${seconds(floorMs)} at the earliest`,
    `  successors: ${each.join('; ')}`,
    `  tables, functions and WhatsApp ${percent(rest / wall)} of a core; of the machine ${percent(idle)} idle`,
    `  judged: ${seconds(judged.ms)} ${judged.why}`,
    ...ownerLines(seen.owners, firstMs),
  ]
}

function ownerLines(all: readonly Owner[], firstMs: number): readonly string[] {
  const owners = all.filter((owner) => !isAllowedError(owner))
  const refused = all.length - owners.length
  const groups: readonly [string, readonly Owner[]][] = [
    [
      'before it, on the successors',
      owners.filter(({ isOrphan, askedAtMs }) => !isOrphan && askedAtMs < firstMs - 2000),
    ],
    ['before it, on the dead host', owners.filter(({ isOrphan, askedAtMs }) => isOrphan && askedAtMs < firstMs)],
    ['during the take-over', owners.filter(({ askedAtMs }) => askedAtMs >= firstMs)],
  ]
  const lines = groups.flatMap(([name, group]) => {
    const times = group.map(({ tookMs }) => tookMs)
    const errors = group.flatMap(({ error }) => error ?? [])
    const told = `p50 ${milliseconds(percentile(times, 0.5))}  last ${milliseconds(percentile(times, 1))}`
    return group.length === 0
      ? []
      : [`  ${group.length} codes asked for ${name}  ${told}  ${errors.join(' ')}`.trimEnd()]
  })
  const refusedLine = `  ${refused} ended as HOST_UNAVAILABLE, asked for before the leases of the dead host were taken (R18, R29)`
  return [...lines, ...(refused > 0 ? [refusedLine] : [])]
}

/**
 * Returns the promises that were broken. Late sessions are the machine's fault when it had no idle time and the successors' CPU
 * time alone would have been in time.
 */
export function brokenOf(seen: Seen): readonly string[] {
  const figures = figuresOf(seen)
  const promisedMs = backWithinMs(figures.successors.length)
  const owners = seen.owners.filter((owner) => !isAllowedError(owner))
  const late = owners.filter(({ tookMs, error }) => tookMs > codeWithinMs || error !== undefined)
  return [
    ...(judgedOf(figures).ms > promisedMs ? [`all sessions back within ${seconds(promisedMs)}`] : []),
    ...(late.length > 0 ? [`each code within ${seconds(codeWithinMs)}: ${late.length} were not`] : []),
  ]
}
