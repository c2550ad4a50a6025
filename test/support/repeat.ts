/** `npm run test:repeat -- N [--busy M]`: runs all tests N times, the last M times beside one busy loop per core. */
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { runToEnd, sayEnd } from './run-to-end.ts'

const usage = 'npm run test:repeat -- N [--busy M]    N runs, the last M (half of them) beside one busy loop per core'
const folder = fileURLToPath(new URL('../../.pairplane/', import.meta.url))
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

const request = readRequest(process.argv.slice(2))
if (request) process.exitCode = (await repeat(request)) ? 0 : 1
else {
  console.error(usage)
  process.exitCode = 2
}

type Request = { readonly runs: number; readonly busy: number }

function readRequest(args: string[]): Request | undefined {
  const parsed = parseArgs({ args, options: { busy: { type: 'string' } }, allowPositionals: true, strict: false })
  const { values, positionals } = parsed
  if (Object.keys(values).some((name) => name !== 'busy')) return undefined
  const runs = Number(positionals[0])
  const busy = Number(values.busy ?? Math.floor(runs / 2))
  const isCount = (count: number) => Number.isInteger(count) && count >= 0
  return positionals.length === 1 && isCount(runs) && runs > 0 && isCount(busy) && busy <= runs
    ? { runs, busy }
    : undefined
}

/** Runs the tests repeatedly until a run fails; returns true when every run has passed. */
async function repeat({ runs, busy }: Request): Promise<boolean> {
  mkdirSync(folder, { recursive: true })
  for (let run = 1; run <= runs; run++) {
    const isBusy = run > runs - busy
    const journal = `${folder}repeat-${run}.log`
    const startedAt = performance.now()
    const loops = isBusy ? startLoops() : []
    const end = await runToEnd({ program: process.execPath, args: [vitest, 'run'], journal })
    await Promise.all(loops.map((loop) => loop.terminate()))
    const took = `${Math.round((performance.now() - startedAt) / 1000)} s${isBusy ? ' beside a busy loop per core' : ''}`
    const hasPassed = end.code === 0
    console.log(`run ${run} of ${runs}: ${hasPassed ? 'passed' : `FAILED, ${sayEnd(end)}`} in ${took}`)
    if (hasPassed) continue
    console.log(end.lastLines.join('\n'))
    console.log(`Every line is in ${journal}`)
    return false
  }
  return true
}

/** Starts a busy loop per core, in threads of this process, so that they end with it in any case. */
function startLoops(): readonly Worker[] {
  return Array.from({ length: availableParallelism() }, () => new Worker('for (;;);', { eval: true }))
}
