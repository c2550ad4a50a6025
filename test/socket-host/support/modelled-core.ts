/** Virtual time, and a core that openings share in it. */

const tickMs = 20

/** Steps in a second. */
export const ticksPerSecond = 1000 / tickMs

/** A generator of numbers from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A clock that moves by `tick` alone, and its timers. Unlike the fake clock it awaits nothing: it plays hours. */
export function virtualTime() {
  const timers = new Set<{ readonly at: number; readonly action: () => void }>()
  let now = 0
  return {
    monotonic: () => now,
    after: (ms: number, action: () => void) => {
      const timer = { at: now + ms, action }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    tick: () => {
      now += tickMs
      for (const timer of timers) {
        if (timer.at > now) continue
        timers.delete(timer)
        timer.action()
      }
    },
  }
}

export type VirtualTime = ReturnType<typeof virtualTime>

/** Work that first waits for `waits` ms, then needs `cpu` ms of the core. */
export type Job = { readonly urgency: string; cpu: number; waits: number; readonly done: () => void }

/** A core of which each running job gets the same part; `other` is the share that work besides the jobs takes. */
export function sharedCore(monotonic: () => number, other = 0) {
  const jobs = new Set<Job>()
  let busyMs = 0
  let sampled = { at: 0, busyMs: 0 }

  function work(): void {
    const wanting = [...jobs].filter(({ waits, cpu }) => waits <= 0 && cpu > 0).sort((a, b) => a.cpu - b.cpu)
    let left = tickMs * (1 - other)
    for (const [index, job] of wanting.entries()) {
      const part = Math.min(job.cpu, left / (wanting.length - index))
      job.cpu -= part
      left -= part
    }
    busyMs += tickMs - left
  }

  return {
    run: (job: Job) => void jobs.add(job),
    count: (urgency?: string) => [...jobs].filter((job) => urgency === undefined || job.urgency === urgency).length,
    /** Share of the time for which the core was busy, of all. */
    utilisation: () => busyMs / monotonic(),
    /** The same since the last call. */
    load: () => {
      const before = sampled
      sampled = { at: monotonic(), busyMs }
      return sampled.at === before.at ? 0 : (busyMs - before.busyMs) / (sampled.at - before.at)
    },
    tick: () => {
      work()
      for (const job of [...jobs]) {
        job.waits -= tickMs
        if (job.waits > 0 || job.cpu > 1e-9) continue
        jobs.delete(job)
        job.done()
      }
    },
  }
}
