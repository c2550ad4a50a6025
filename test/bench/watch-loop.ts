/**
 * A preload that measures stalls of the event loop. On SIGHUP it writes the longest one since the last SIGHUP, in ms, to the
 * file `BENCH_LOOP_FOLDER/PID`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The monitor's timer wakes the process this often; at 20 ms that costs less than a thousandth of a core. */
const resolution = 20
const delay = monitorEventLoopDelay({ resolution })
delay.enable()
process.on('SIGHUP', () => {
  // The histogram counts the time from one wake-up to the next, the interval included.
  const ms = Math.max(0, delay.max / 1e6 - resolution)
  delay.reset()
  writeFileSync(join(process.env['BENCH_LOOP_FOLDER'] ?? '', String(process.pid)), ms.toFixed(1))
})
