/** Requests a second that the code of the functions sustains: CPU time per request, without the engines. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleFunctions, functionFolder } from '../../cdk/bundle.ts'
import type { FunctionName } from '../../functions/routes.ts'
import { median } from './figures.ts'
import { runFunction, startEngines } from './function-engines.ts'

/** Calls of each route, after a hundred that warm up the compiler. */
const calls = Number(process.env['BENCH_CALLS'] ?? 200)

/** Routes and actions that tenants call, by the function that serves them. */
const routes: readonly (readonly [FunctionName, string])[] = [
  ['authorizer', 'authorizer'],
  ['connect', '$connect'],
  ['disconnect', '$disconnect'],
  ['message', 'ping'],
  ['message', 'get-status'],
  ['message', 'request-pairing-code'],
  ['message', 'reset-whatsapp-credentials'],
  ['sessions', 'GET /api/whatsapp/sessions/{companyId}'],
  ['pairing', 'GET /api/whatsapp/sessions/{companyId}/attempt'],
  ['pairing', 'POST /api/whatsapp/sessions/{companyId}/pairing-code'],
  ['credentials', 'DELETE /api/whatsapp/sessions/{companyId}/credentials'],
]

export async function cpuPerRequest(say: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pairplane-bench-'))
  const engines = await startEngines()
  try {
    await bundleFunctions(folder)
    say(
      `CPU time of a request, mean of ${calls}, each of another company that has nothing yet, one after the other in a warm process`,
    )
    say('  included: the bundled handler with parsing, token check, SDK clients, metrics, logs and garbage collection')
    say('  not included: DynamoDB, SQS and Secrets Manager (in another process), API Gateway, Lambda, and cold starts')
    for (const [name, route] of routes) {
      const bundle = join(functionFolder(folder, name), 'index.mjs')
      const { warmMs, cpuMs } = await runFunction(bundle, route, calls, engines)
      const each = cpuMs / warmMs.length
      const perSecond = `${Math.round(1000 / each)} requests per CPU second`
      say(`  ${route.padEnd(58)} ${each.toFixed(2)} ms, ${perSecond}; elapsed ${median(warmMs).toFixed(1)} ms`)
    }
  } finally {
    await engines.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
