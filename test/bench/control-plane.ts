/**
 * Benchmark of the control plane: stores, messages and time per request; CPU time per request of the functions; and tenants
 * beside a hostile one.
 */
import { costsPerRequest } from './control-plane-costs.ts'
import { cpuPerRequest } from './control-plane-cpu.ts'
import { besideHostile } from './control-plane-hostile.ts'

const sections: Readonly<Record<string, (say: (line: string) => void) => Promise<void>>> = {
  costs: costsPerRequest,
  cpu: cpuPerRequest,
  hostile: besideHostile,
}
/** Names of sections, separated by commas; all by default. */
const chosen = process.env['BENCH_SECTIONS']?.split(',') ?? Object.keys(sections)

export async function controlPlane(say: (line: string) => void): Promise<void> {
  const unknown = chosen.filter((name) => !Object.hasOwn(sections, name))
  if (unknown.length > 0)
    throw new Error(`no section ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}`)
  for (const name of chosen) await sections[name]?.(say)
}
