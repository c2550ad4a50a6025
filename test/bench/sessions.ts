/**
 * Benchmark of the memory per idle session, of a host and of bare Baileys, with 200 and 1,000 sessions on one simulated
 * WhatsApp. Exit code 1 when a session of the largest number needs more than promised (R68).
 */
import { type Linked, nudgeHosts, seedLinked, untilOnline } from '../support/linked-fleet.ts'
import { firstHostPid } from '../support/process-ids.ts'
import { type Stage, startStage } from '../support/stage.ts'
import { megabytes, ratio } from './figures.ts'
import { settledBytes } from './memory.ts'
import { readySetting, startProgram } from './processes.ts'
import { prodHost } from './prod-host.ts'
import { atMost } from './promised.ts'

const sizes = (process.env['BENCH_SESSIONS'] ?? '200,1000').split(',').map(Number)
const onlineTimeoutMs = 900_000
const promisedKilobytes = 250
const collectGarbage = new URL('./collect-garbage.ts', import.meta.url).href

/** Resident bytes by number of sessions. */
type Sizes = ReadonlyMap<number, number>

export async function sessions(say: (line: string) => void): Promise<void> {
  const environment = { NODE_OPTIONS: `--import=${collectGarbage}` }
  const stage = await startStage({ ...prodHost, hosts: 1, environment })
  try {
    const ours = await hostSizes(stage)
    const bare = await bareSizes(stage)
    say('memory of idle sessions, garbage collected; one host beside one process of bare Baileys')
    say(`  without sessions  host ${megabytes(ours.get(0) ?? 0)}  bare ${megabytes(bare.get(0) ?? 0)}`)
    for (const size of sizes) {
      const [our, their] = [perSession(ours, size), perSession(bare, size)]
      say(
        `  ${String(size).padStart(5)} sessions  host ${megabytes(ours.get(size) ?? 0)}, ${kilobytes(our)} each` +
          `  bare ${megabytes(bare.get(size) ?? 0)}, ${kilobytes(their)} each  ${ratio(our, their)}` +
          (size === sizes.at(-1) ? ` ${atMost(our / 1024, promisedKilobytes, ' KiB')}` : ''),
      )
    }
  } finally {
    await stage.stop()
  }
}

async function hostSizes(stage: Stage): Promise<Sizes> {
  const pid = await firstHostPid(stage)
  const found = new Map([[0, await settledBytes(pid)]])
  let open = 0
  for (const size of sizes) {
    const companies: readonly Linked[] = Array.from({ length: size - open }, (_, index) => ({
      companyId: `session-${open + index}`,
      phone: `7901${1_000_000 + open + index}`,
    }))
    await seedLinked(stage.run, companies)
    await nudgeHosts(stage.run, companies)
    await untilOnline(stage.run, size, onlineTimeoutMs)
    open = size
    found.set(size, await settledBytes(pid))
  }
  return found
}

async function bareSizes({ run }: Stage): Promise<Sizes> {
  const trust = new URL('../../simulator/trust.ts', import.meta.url).href
  const { simulator } = run
  if (!simulator) throw new Error('bare Baileys needs the simulated WhatsApp')
  const program = await startProgram('test/bench/bare-sessions.ts', sizes.map(String), {
    NODE_OPTIONS: `--import=${collectGarbage} --import=${trust}`,
    SIMULATOR_URL: `${run.url}/simulator`,
    PAIRPLANE_WHATSAPP_URL: simulator.webSocketUrl,
    PAIRPLANE_WHATSAPP_ROOT_KEY: simulator.rootKey,
  })
  await program.stop()
  return new Map([0, ...sizes].map((size) => [size, Number(readySetting(program.ready, `at${size}`))]))
}

const perSession = (found: Sizes, size: number): number => ((found.get(size) ?? 0) - (found.get(0) ?? 0)) / size
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`
