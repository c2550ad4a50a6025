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
const until = performance.now() + Number(values.minutes) * 60_000
const numRuns = Number(values.runs)
let rounds = 0
let failed = false
/** Memory after the first round: what is loaded and warmed up by then is no growth. */
let warmMb = 0

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
do {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
  for (const target of targets) {
    await fuzz(target, seed)
    // Runs are chains of promises: without a turn for timers, what waits for one would pile up and look like a leak.
    await pause(0)
  }
  rounds += 1
  if (rounds === 1) warmMb = heapMb()
} while (!failed && values.seed === undefined && performance.now() < until)

console.log(`${rounds} rounds of ${numRuns} runs: ${targets.map(({ name }) => name).join(', ')}`)
const lastMb = heapMb()
console.log(`heap after the first round ${warmMb.toFixed(0)} MB, after the last ${lastMb.toFixed(0)} MB`)
// Without `--expose-gc` the heap says nothing.
if (globalThis.gc && lastMb > warmMb * 1.5 + 50) {
  failed = true
  console.error('FAILED: memory grows')
}
for (const target of targets) await target.stop?.()
process.exit(failed ? 1 : 0)
