/** A line that counts down in place. When the output is not a terminal, the line is printed once. */
import { countdown } from './pair-display.ts'

export function countdownLine(print: (line: string) => void) {
  let timer: NodeJS.Timeout | undefined
  let isRunning = false
  const stop = () => {
    if (timer && process.stdout.isTTY) process.stdout.write('\r\x1b[K')
    clearInterval(timer)
    timer = undefined
    isRunning = false
  }
  /** Starts the countdown, unless it is already running. */
  const start = (seconds: number) => {
    if (isRunning) return
    isRunning = true
    const end = Date.now() + seconds * 1000
    const tick = () => process.stdout.write(`\r\x1b[K${countdown(Math.max(0, Math.ceil((end - Date.now()) / 1000)))}`)
    if (process.stdout.isTTY) timer = setInterval(tick, 1000)
    else print(countdown(seconds))
  }
  return { start, stop }
}
