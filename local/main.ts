/** `npm start`. */
import { styleText } from 'node:util'
import { localUrl } from './cli/api.ts'
import { help, readFlags, type Settings } from './flags.ts'
import type { LocalRun } from './local-run.ts'
import { terminalLine } from './log-lines.ts'

/** Time after which the run explains why stopping takes long. */
const stopReminderMs = 3000

const request = readFlags(process.argv.slice(2), process.env)
switch (request.kind) {
  case 'showHelp':
    console.log(help)
    break
  case 'usageError':
    console.error(request.message)
    process.exitCode = 2
    break
  case 'run':
    await main(request.settings)
}

async function main(settings: Settings): Promise<void> {
  const startedAt = performance.now()
  const stopping = new AbortController()
  let run: LocalRun | undefined
  stopOnSignal(stopping, () => run?.killHosts())
  console.log('Starting: templates, engines, functions, hosts …')
  try {
    run = await start(settings, stopping.signal)
    await announce(run, performance.now() - startedAt)
    await untilAborted(stopping.signal)
    await stop(run)
  } catch (error) {
    if (stopping.signal.aborted && run === undefined) console.log('Stopped before it was ready.')
    else console.error(styleText('red', explain(error, settings)))
    process.exitCode = 1
  }
  // Something may still keep the event loop alive.
  process.exit()
}

async function start(settings: Settings, signal: AbortSignal): Promise<LocalRun> {
  // Loaded only now, so that a wrong flag is reported at once.
  const { startLocal } = await import('./local-run.ts')
  return startLocal({ ...settings, env: process.env, log: printLine, signal })
}

/**
 * Stops the run, and explains the wait when it takes long: hosts may wait for a service, or for a device to be
 * unlinked.
 */
async function stop(run: LocalRun): Promise<void> {
  const reminder = setTimeout(() => {
    console.log('Still waiting for hosts to close their sockets (20 s at most). Ctrl-C again ends everything at once.')
  }, stopReminderMs)
  await run.stop()
  clearTimeout(reminder)
}

/** Stops the run in order on the first signal, and ends everything at once on the second. */
function stopOnSignal(stopping: AbortController, killHosts: () => void): void {
  const onSignal = () => {
    if (stopping.signal.aborted) {
      killHosts()
      process.exit(130)
    }
    console.log('Stopping: hosts flush first. Ctrl-C again ends everything at once.')
    stopping.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
}

async function announce(run: LocalRun, elapsedMs: number): Promise<void> {
  const { url, wsUrl } = run
  const company = '1001'
  const [client, admin] = await Promise.all([run.token(company), run.token(undefined, 'admin')])
  console.log(`ready ${url} ${wsUrl} in ${(elapsedMs / 1000).toFixed(1)} s

  HTTP API        ${url}/api/health
  WebSocket API   ${wsUrl}?token=…
  tokens          POST ${url}/dev/tokens {"companyId": "…"}
  hosts           GET  ${url}/dev/hosts
${run.simulator ? `  phones          GET  ${url}/simulator/state\n` : ''}
  a token of company ${company}
  ${client}
  an admin's token
  ${admin}

  to try it
  npm run pair -- --company ${company} --phone 79001234567${run.simulator ? ' --type-code' : ''}${url === localUrl ? '' : ` --url ${url}`}
`)
}

function printLine(source: string, line: string): void {
  const text = terminalLine(source, line, new Date())
  if (text !== undefined) console.log(text)
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function explain(error: unknown, { port }: Settings): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'EADDRINUSE') {
    return `Port ${port} is in use. Stop the program that uses it, or choose another port: npm start -- --port 4001`
  }
  return error.message
}
