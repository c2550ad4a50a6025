/** `npm run fuzz -- --minutes 10 [--only stanzas] [--runs 100] [--seed 7]`: every entry point with inputs of all kinds. */
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
    /** Runs one round with this seed, to see a failure again. */
    seed: { type: 'string' },
  },
})

const all = [...clientTargets, ...queueTargets, ...storedTargets, ...stanzaTargets]
const targets = all.filter(({ name }) => name.includes(values.only))
const runMs = Number(values.minutes) * 60_000
const until = performance.now() + runMs
const numRuns = Number(values.runs)
/** Each round has a seed of its own, one more than the last. */
const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(values.seed)
let rounds = 0
let failed = false
/**
 * Memory after the first round that ends in the second half: what is loaded by then is no growth, nor are the sockets that
 * Baileys holds on to for some minutes after their end (each of its queries waits for 60 s, one after the other).
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
    // What a stanza target blames on its socket is caught there.
    if (strays.length > 0 && !target.stop) throw new Error('An unhandled rejection', { cause: strays[0] })
    strays.length = 0
  } catch (error) {
    failed = true
    console.error(`FAILED ${target.name}: npm run fuzz -- --only '${target.name}' --runs ${numRuns} --seed ${seed}`)
    console.error(error)
  }
}

if (targets.length === 0)
  throw new Error(`No target is called ${values.only}; there are: ${all.map(({ name }) => name)}`)
console.log(`seed ${firstSeed}, and one more in each round`)
do {
  const seed = firstSeed + rounds
  for (const target of targets) {
    await fuzz(target, seed)
    // Runs are chains of promises: without a turn for timers, what waits for one would pile up and look like a leak.
    await pause(0)
  }
  rounds += 1
  if (performance.now() > until - runMs / 2) warmMb ??= heapMb()
} while (!failed && values.seed === undefined && performance.now() < until)

console.log(`${rounds} rounds of ${numRuns} runs: ${targets.map(({ name }) => name).join(', ')}`)
const lastMb = heapMb()
console.log(`heap at half time ${warmMb?.toFixed(0)} MB, at the end ${lastMb.toFixed(0)} MB`)
// Without `--expose-gc` the heap says nothing.
if (globalThis.gc && warmMb !== undefined && lastMb > warmMb * 1.15 + 20) {
  failed = true
  console.error('FAILED: memory grows')
}
for (const target of targets) await target.stop?.()
process.exit(failed ? 1 : 0)
