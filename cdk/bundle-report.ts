/** What each function costs at a cold start: bytes that it always loads, and the time that takes. */
import { execFileSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Metafile } from 'esbuild'
import { type FunctionName, functions } from '../functions/routes.ts'
import { bundleFunction } from './bundle.ts'

export type BundleReport = {
  readonly name: string
  /** What a start loads; chunks that are imported dynamically (Sentry, Secrets Manager) are extra. */
  readonly bytes: number
  readonly bytesOnDemand: number
  readonly importMs: number
  readonly budget: number
}

/** The authorizer runs before every connection, on top of the function behind `$connect`. */
const budgets: Partial<Record<FunctionName, number>> = { authorizer: 30_000 }
const defaultBudget = 450_000

/** Bundles every function into `folder` and measures it with the environment that its template gives it. */
export async function reportBundles(
  folder: string,
  environmentOf: (name: string) => Record<string, string>,
): Promise<BundleReport[]> {
  const reports: BundleReport[] = []
  // One after the other: import times of processes that run side by side mean nothing.
  for (const [name, { entry }] of Object.entries(functions)) {
    const target = join(folder, name)
    const size = await measureBundle(target, entry)
    const importMs = medianImportMs(join(target, 'index.mjs'), environmentOf(name))
    reports.push({ name, ...size, importMs, budget: budgetOf(name) })
  }
  return reports
}

/** Bytes that a function may load at start. */
export const budgetOf = (name: string): number =>
  Object.entries(budgets).find(([limited]) => limited === name)?.[1] ?? defaultBudget

/** Bundles a function into `folder` and weighs it. */
export async function measureBundle(
  folder: string,
  entry: string,
): Promise<Pick<BundleReport, 'bytes' | 'bytesOnDemand'>> {
  const { outputs } = await bundleFunction(folder, entry)
  const bytes = sizeOf(outputs, alwaysLoaded(outputs))
  return { bytes, bytesOnDemand: sizeOf(outputs, new Set(Object.keys(outputs).filter(isCode))) - bytes }
}

/** Outputs that the entry reaches through static imports. */
function alwaysLoaded(outputs: Metafile['outputs']): Set<string> {
  const reached = new Set<string>()
  const visit = (path: string) => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { path: next, kind, external } of outputs[path]?.imports ?? [])
      if (!external && kind === 'import-statement') visit(next)
  }
  for (const path of Object.keys(outputs)) if (basename(path) === 'index.mjs') visit(path)
  return reached
}

function sizeOf(outputs: Metafile['outputs'], paths: ReadonlySet<string>): number {
  return [...paths].reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0)
}

const isCode = (path: string) => path.endsWith('.mjs')

/** Median of five fresh processes. */
function medianImportMs(file: string, environment: Record<string, string>): number {
  const times = Array.from({ length: 5 }, () => importMs(file, environment))
  return times.sort((a, b) => a - b)[2] ?? Number.NaN
}

function importMs(file: string, environment: Record<string, string>): number {
  const script = `
    const start = performance.now()
    await import(${JSON.stringify(pathToFileURL(file).href)})
    console.log('\\n' + (performance.now() - start))
    process.exit()`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { AWS_REGION: 'eu-central-1', ...environment },
    encoding: 'utf8',
  })
  return Number(output.trim().split('\n').at(-1))
}
