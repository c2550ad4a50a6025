/**
 * Benchmark of the functions behind the WebSocket with and without the token check, budgets, limits, metrics and Sentry, in one
 * run.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleFunctions, functionFolder } from '../../cdk/bundle.ts'
import { weigh } from '../../cdk/bundle-report.ts'
import type { FunctionName } from '../../functions/routes.ts'
import { median, percentile, ratio } from './figures.ts'
import { runFunction, startEngines, type Times } from './function-engines.ts'
import { withoutLayers } from './without-layers.ts'

/** `coldRuns`: new processes per function and side. `warmRuns`: calls of a warm process per route and side. */
const coldRuns = 15
const warmRuns = 400

/** Routes by the function that serves them. */
const routes = {
  authorizer: ['authorizer'],
  connect: ['$connect'],
  disconnect: ['$disconnect'],
  message: ['ping', 'get-status', 'request-pairing-code'],
} as const satisfies Partial<Record<FunctionName, readonly string[]>>

const sides = ['before', 'after'] as const
type Sides<T> = Readonly<Record<(typeof sides)[number], T>>
type Side = { readonly folder: string; readonly bundles: Awaited<ReturnType<typeof bundleFunctions>> }

export async function functionCosts(say: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pairplane-bench-'))
  const engines = await startEngines()
  try {
    const built = {
      before: await build(join(folder, 'before'), withoutLayers),
      after: await build(join(folder, 'after')),
    }
    say('functions, without -> with token check, budgets, limits, metrics and Sentry')
    for (const [name, [first, ...more]] of entriesOf(routes)) {
      const play = (side: (typeof sides)[number], route: string, runs: number) =>
        runFunction(join(functionFolder(built[side].folder, name), 'index.mjs'), route, runs, engines)
      say(`  ${name}: ${sizes(built, name)}`)
      const cold = await alternate(coldRuns, (side) => play(side, first, 0))
      say(`    cold import     ${compared(cold, ({ importMs }) => [importMs])}`)
      say(`    cold first call ${compared(cold, ({ firstMs }) => [firstMs])}`)
      for (const route of [first, ...more]) {
        const warm = await alternate(2, (side) => play(side, route, warmRuns / 2))
        say(`    warm ${route.padEnd(10)} ${compared(warm, ({ warmMs }) => warmMs)}`)
      }
    }
  } finally {
    await engines.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const build = async (folder: string, options = {}): Promise<Side> => ({
  folder,
  bundles: await bundleFunctions(folder, options),
})

const entriesOf = <T extends object>(record: T) => Object.entries(record) as [keyof T & string, T[keyof T]][]

/** Runs the sides alternately, so that other load on the machine affects both. */
async function alternate(
  runs: number,
  play: (side: (typeof sides)[number]) => Promise<Times>,
): Promise<Sides<Times[]>> {
  const times: Sides<Times[]> = { before: [], after: [] }
  for (let run = 0; run < runs; run++) for (const side of sides) times[side].push(await play(side))
  return times
}

function sizes(built: Sides<Side>, name: FunctionName): string {
  const [before, after] = sides.map((side) => {
    const bundle = built[side].bundles.get(name)
    if (!bundle) throw new Error(`${name} was not built`)
    return weigh(bundle)
  })
  const kilobytes = (bytes = 0) => `${Math.round(bytes / 1000)} KB`
  return (
    `${kilobytes(before?.bytes)} -> ${kilobytes(after?.bytes)} at start, ` +
    `${kilobytes(before?.bytesOnDemand)} -> ${kilobytes(after?.bytesOnDemand)} on demand`
  )
}

/** Formats median and 95th percentile of both sides, and the ratio of the medians. */
function compared(times: Sides<Times[]>, of: (times: Times) => readonly number[]): string {
  const [before, after] = [times.before.flatMap(of), times.after.flatMap(of)]
  const ms = (value: number) => value.toFixed(1)
  const p95 = `p95 ${ms(percentile(before, 0.95))} -> ${ms(percentile(after, 0.95))} ms`
  return `median ${ms(median(before))} -> ${ms(median(after))} ms (${ratio(median(after), median(before))}), ${p95}`
}
