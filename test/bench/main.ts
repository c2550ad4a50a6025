/**
 * `npm run bench [-- name …]`: runs the benchmarks. Each measures both sides in one run; compare ratios, since machines
 * are noisy.
 */
import { DEFAULT_CONNECTION_CONFIG, WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import { burst } from './burst.ts'
import { capacity } from './capacity.ts'
import { chosenOf } from './chosen.ts'
import { concurrent } from './concurrent.ts'
import { controlPlane } from './control-plane.ts'
import { cpu } from './cpu.ts'
import { density } from './density.ts'
import { failover } from './failover.ts'
import { megabytes, milliseconds } from './figures.ts'
import { functionCosts } from './functions.ts'
import { leases } from './leases.ts'
import { residentBytes } from './memory.ts'
import { neighbours } from './neighbours.ts'
import { startProgram } from './processes.ts'
import { reconnects } from './reconnects.ts'
import { recovery } from './recovery.ts'
import { requests } from './requests.ts'
import { reset } from './reset.ts'
import { salonDay } from './salon-day.ts'
import { sessions } from './sessions.ts'
import { type SimulatorProcess, startSimulatorProcess } from './simulator-process.ts'
import { storeCalls } from './store-calls.ts'
import { takeover } from './takeover.ts'
import { timeToCode } from './time-to-code.ts'

/** Context of a benchmark: a local run against a simulator in a process of its own. */
export type Bench = {
  readonly url: string
  readonly pid: number
  readonly say: (line: string) => void
  /** Calls the simulator's control API, which plays the phones. */
  readonly control: (method: string, path: string, body: object) => Promise<unknown>
}

const say = (line: string) => console.log(line)

const benches: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'time-to-code': timeToCode,
  recovery,
  concurrent,
  memory,
}

/** Benchmarks that start their own processes; they run one after the other. */
const selfContained: Readonly<Record<string, (print: typeof say) => Promise<void>>> = {
  functions: functionCosts,
  reset,
  requests,
  capacity,
  burst,
  cpu,
  'salon-day': salonDay,
  density,
  reconnects,
  failover,
  takeover,
  leases,
  sessions,
  neighbours,
  'control-plane': controlPlane,
  'store-calls': storeCalls,
}

async function main(names: readonly string[]): Promise<void> {
  const all = [...Object.keys(selfContained), ...Object.keys(benches)]
  const chosen = chosenOf(names, all)
  for (const name of chosen) await selfContained[name]?.(say)
  const onRun = chosen.filter((name) => name in benches)
  if (onRun.length > 0) await measureRun(onRun)
}

/** Runs benchmarks on one local run with two hosts. */
async function measureRun(names: readonly string[]): Promise<void> {
  const simulator = await startSimulatorProcess()
  const { webSocketUrl, rootKey } = simulator.simulator
  // Bare Baileys runs in this process and is pointed at the same simulator.
  DEFAULT_CONNECTION_CONFIG.waWebSocketUrl = webSocketUrl
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
  const whatsapp = ['--whatsapp-url', webSocketUrl, '--whatsapp-root-key', rootKey]
  const run = await startProgram('local/main.ts', ['--port', '0', '--hosts', '2', ...whatsapp])
  try {
    const control = (method: string, path: string, body: object) => callControl(simulator, { method, path, body })
    say(`start-up: ready after ${milliseconds(run.readyAfterMs)}`)
    const url = /https?:\/\/127\.0\.0\.1:\d+/.exec(run.ready)?.[0] ?? ''
    for (const name of names) await benches[name]?.({ url, pid: run.pid, say, control })
  } finally {
    await run.stop()
    await simulator.stop()
  }
}

type ControlCall = { readonly method: string; readonly path: string; readonly body: object }

async function callControl({ simulator }: SimulatorProcess, { method, path, body }: ControlCall): Promise<unknown> {
  const answer = await simulator.control(method, path, body)
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Resident memory of the local run and of its host processes. */
async function memory({ url, pid, say }: Bench): Promise<void> {
  const hosts = (await (await fetch(`${url}/dev/hosts`)).json()) as { hostId: string; pid: number }[]
  say(`memory: local run with engines and functions ${megabytes(residentBytes(pid))}`)
  for (const host of hosts) say(`memory: host ${megabytes(residentBytes(host.pid))}`)
}

await main(process.argv.slice(2))
// A benchmark that found a broken promise has set the exit code.
process.exit()
