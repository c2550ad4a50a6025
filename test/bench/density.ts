/**
 * Benchmark of a host by its number of sessions: CPU and memory without traffic, in the mean hour and in the peak hour of a
 * salon day. It writes the figure `docs/density.svg`.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type DensityPoint, densityFigure } from './density-figure.ts'
import { addSessions, type LoadedHost, makeAcquainted, playDay, startLoadedHost } from './loaded-host.ts'
import { settledBytes } from './memory.ts'

const sizes = (process.env['BENCH_SESSIONS'] ?? '0,250,500,1000').split(',').map(Number)
const seconds = Number(process.env['BENCH_SECONDS'] ?? 120)
const file = process.env['BENCH_FIGURE'] ?? fileURLToPath(new URL('../../docs/density.svg', import.meta.url))
/** Multiple of the mean rate in the peak hour (R68). */
const peakFactor = 4

export async function density(say: (line: string) => void): Promise<void> {
  say(`density: one host, ${seconds} s each without traffic, in the mean hour and in the peak hour`)
  const host = await startLoadedHost()
  const points: DensityPoint[] = []
  try {
    let connected = 0
    for (const sessions of sizes) {
      if (sessions > connected) await addSessions(host, connected, sessions)
      connected = sessions
      const point = await measure(host, sessions)
      points.push(point)
      say(
        lineOf(
          point,
          points.find((other) => other.sessions === 0),
        ),
      )
    }
  } finally {
    await host.stop()
  }
  const date = new Date().toISOString().slice(0, 10)
  await writeFile(file, densityFigure({ points, date, command: commandLine() }))
  say(`  the figure is in ${file}`)
}

async function measure(host: LoadedHost, sessions: number): Promise<DensityPoint> {
  if (sessions > 0) await makeAcquainted(host, sessions)
  const idleBytes = await settledBytes(host.pid)
  const idle = await playDay(host, 0, seconds)
  // Without sessions there is no traffic.
  const mean = sessions > 0 ? await playDay(host, 1, seconds) : idle
  const peak = sessions > 0 ? await playDay(host, peakFactor, seconds) : idle
  return {
    sessions,
    cpu: { idle: idle.hostShare * 100, mean: mean.hostShare * 100, peak: peak.hostShare * 100 },
    memory: { idle: idleBytes / 2 ** 20, peak: peak.maxResidentBytes / 2 ** 20 },
  }
}

/** The command that repeats the measurement. */
function commandLine(): string {
  const given = ['BENCH_SESSIONS', 'BENCH_SECONDS'].filter((name) => process.env[name] !== undefined)
  return [...given.map((name) => `${name}=${process.env[name]}`), 'npm run bench -- density'].join(' ')
}

function lineOf({ sessions, cpu, memory }: DensityPoint, empty: DensityPoint | undefined): string {
  const percent = (value: number) => `${value.toFixed(1)} %`
  const each = (((memory.idle - (empty?.memory.idle ?? 0)) * 1024) / sessions).toFixed(0)
  return (
    `  ${String(sessions).padStart(5)} sessions  no traffic ${percent(cpu.idle)} of a core, mean ${percent(cpu.mean)}, ` +
    `peak ${percent(cpu.peak)}; ${memory.idle.toFixed(0)} MiB after garbage collection` +
    `${empty && empty.sessions < sessions ? `, ${each} KiB a session` : ''}, ${memory.peak.toFixed(0)} MiB at most in the peak`
  )
}
