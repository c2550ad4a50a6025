/** Stalls of the event loops of processes that were started with `watch-loop.ts`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const watchLoop = new URL('./watch-loop.ts', import.meta.url).href
const pollMs = 50
const timeoutMs = 10_000

export type LoopStalls = {
  /** Environment of the processes that are measured. */
  readonly environment: Readonly<Record<string, string>>
  /** Returns the longest stall of the process since the last call, or since its start, in ms. */
  readonly maxMs: (pid: number) => Promise<number>
  readonly remove: () => Promise<void>
}

/** Prepares the measurement. `preloads` are URLs of more modules that the processes load first. */
export async function loopStalls(preloads: readonly string[] = []): Promise<LoopStalls> {
  const folder = await mkdtemp(join(tmpdir(), 'pairplane-bench-'))
  return {
    environment: {
      NODE_OPTIONS: [watchLoop, ...preloads].map((url) => `--import=${url}`).join(' '),
      BENCH_LOOP_FOLDER: folder,
    },
    maxMs: async (pid) => {
      const file = join(folder, String(pid))
      process.kill(pid, 'SIGHUP')
      for (const until = performance.now() + timeoutMs; ; await pause(pollMs)) {
        const text = await readFile(file, 'utf8').catch(() => '')
        if (text !== '' || performance.now() > until) {
          await rm(file, { force: true })
          return text === '' ? Number.NaN : Number(text)
        }
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
