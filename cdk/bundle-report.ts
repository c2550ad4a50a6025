/** Measures the cold start of each function: the bytes that it always loads, and the time to load them. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FunctionName } from '../functions/routes.ts'
import { bundleFunctions, type FunctionBundle, functionFolder, reachableFrom } from './bundle.ts'

export type BundleReport = {
  readonly name: string
  /** Bytes loaded at start. Dynamically imported chunks (Sentry, Secrets Manager) count as `bytesOnDemand`. */
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
  // One after the other: processes that run side by side distort each other's import times.
  for (const [name, bundle] of await bundleFunctions(folder)) {
    const importMs = medianImportMs(join(functionFolder(folder, name), 'index.mjs'), environmentOf(name))
    reports.push({ name, ...weigh(bundle), importMs, budget: budgetOf(name) })
  }
  return reports
}

/** Limit of the bytes that a function may load at start. */
export const budgetOf = (name: string): number =>
  Object.entries(budgets).find(([limited]) => limited === name)?.[1] ?? defaultBudget

/** Returns the bytes that a function always loads, and those of chunks that it may load on demand. */
export function weigh({ entry, outputs }: FunctionBundle): Pick<BundleReport, 'bytes' | 'bytesOnDemand'> {
  const sizeOf = (names: readonly string[]) => names.reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0)
  const bytes = sizeOf(reachableFrom(entry, outputs, (kind) => kind === 'import-statement'))
  return { bytes, bytesOnDemand: sizeOf(reachableFrom(entry, outputs)) - bytes }
}

/** Returns the median import time of five new processes. */
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
