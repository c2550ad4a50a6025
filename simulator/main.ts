/** The simulator as a program of its own. */
import { parseArgs } from 'node:util'

const usage = `node simulator/main.ts [--port 0] [--control-port 0] [--state FILE] [--verbose]

  --port          of the WebSocket; 0 takes a free one
  --control-port  of the routes that play phones; 0 takes a free one
  --state         a file that keeps phones, devices and the root key
  --verbose       print what happens`

const options = {
  port: { type: 'string', default: '0' },
  'control-port': { type: 'string', default: '0' },
  state: { type: 'string' },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const

type Settings = ReturnType<typeof readSettings>

const settings = await orExit(2, readSettings)
if (settings.help) console.log(usage)
else await orExit(1, () => serve(settings))

function readSettings() {
  const { values } = parseArgs({ options })
  const ports = {
    port: portFrom('--port', values.port),
    controlPort: portFrom('--control-port', values['control-port']),
  }
  return { ...values, ...ports }
}

function portFrom(flag: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new Error(`${flag} must be a whole number from 0 to 65535, not "${text}"`)
}

async function serve({ port, controlPort, state, verbose }: Settings): Promise<void> {
  // Imported here, so that a wrong flag is reported before the modules load.
  const [{ startSimulator }, { serveControl }, { describeEvent }] = await Promise.all([
    import('./simulator.ts'),
    import('./control/http.ts'),
    import('./service/events.ts'),
  ])
  const simulator = await startSimulator({
    port,
    ...(state === undefined ? {} : { stateFile: state }),
    ...(verbose ? { onEvent: (event) => console.log(describeEvent(event)) } : {}),
  })
  const controls = await serveControl(simulator, controlPort)
  console.log(`ready ws=${simulator.webSocketUrl} control=${controls.url} root-key=${simulator.rootKey}`)
  const stop = async () => {
    await controls.close()
    await simulator.close()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
}

/** Runs `work`. If it fails, prints one line and exits. No stack: the flags or files given are wrong. */
async function orExit<T>(exitCode: number, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    console.error(error instanceof Error ? error.message.split('\n')[0] : error)
    process.exit(exitCode)
  }
}
