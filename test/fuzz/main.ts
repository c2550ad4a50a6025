/** `npm run fuzz -- --minutes 10 [--only stanzas] [--runs 100] [--seed 7]`: feeds random input to every entry point. */
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { clientTargets } from './clients.ts'
import { queueTargets } from './queues.ts'
import { stanzaTargets } from './stanzas.ts'
import { storedTargets } from './stored.ts'
import type { FuzzTarget } from './target.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    /** Part of a target's name. */
    only: { type: 'string', default: '' },
    /** Runs of each target in a round. */
    runs: { type: 'string', default: '200' },
    /** Runs one round with this seed, to reproduce a failure. */
    seed: { type: 'string' },
  },
})

const all = [...clientTargets, ...queueTargets, ...storedTargets, ...stanzaTargets]
const targets = all.filter(({ name }) => name.includes(values.only))
const runMs = Number(values.minutes) * 60_000
const until = performance.now() + runMs
const numRuns = Number(values.runs)
/** Seed of the first round; each round adds one. */
const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(values.seed)
let rounds = 0
let failed = false
/**
 * Heap size after the first round that ends in the second half of the time. Code that was loaded before is not growth, nor are
 * the closed sockets that Baileys keeps for some minutes (each of its queries waits for 60 s, one after the other).
 */
let warmMb: number | undefined

const strays: unknown[] = []
process.on('unhandledRejection', (error) => strays.push(error))

const heapMb = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

async function fuzz(target: FuzzTarget, seed: number): Promise<void> {
  try {
    await target.run({ numRuns, seed })
    // Targets with a `stop` (stanzas) handle stray rejections themselves.
    if (strays.length > 0 && !target.stop) throw new Error('An unhandled rejection', { cause: strays[0] })
    strays.length = 0
  } catch (error) {
    failed = true
    console.error(`FAILED ${target.name}: npm run fuzz -- --only '${target.name}' --runs ${numRuns} --seed ${seed}`)
    console.error(error)
  }
}

if (targets.length === 0)
  throw new Error(`No target matches "${values.only}"; the targets are: ${all.map(({ name }) => name).join(', ')}`)
console.log(`seed ${firstSeed}, and one more in each round`)
do {
  const seed = firstSeed + rounds
  for (const target of targets) {
    await fuzz(target, seed)
    // Runs are chains of promises. Without a pause, pending timers would accumulate and look like a leak.
    await pause(0)
  }
  rounds += 1
  if (performance.now() > until - runMs / 2) warmMb ??= heapMb()
} while (!failed && values.seed === undefined && performance.now() < until)

console.log(`${rounds} rounds of ${numRuns} runs: ${targets.map(({ name }) => name).join(', ')}`)
const lastMb = heapMb()
console.log(`heap at half time ${warmMb?.toFixed(0)} MB, at the end ${lastMb.toFixed(0)} MB`)
// Without `--expose-gc` the heap size is meaningless.
if (globalThis.gc && warmMb !== undefined && lastMb > warmMb * 1.15 + 20) {
  failed = true
  console.error('FAILED: memory grows')
}
for (const target of targets) await target.stop?.()
process.exit(failed ? 1 : 0)
