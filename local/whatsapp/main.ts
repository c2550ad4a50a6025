import { parseArgs } from 'node:util'
import { serveControl } from './control/http.ts'
import { describeEvent } from './events.ts'
import { startSimulator } from './simulator.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
    state: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})

const simulator = await startSimulator({
  port: portFrom('--port', values.port),
  ...(values.state === undefined ? {} : { stateFile: values.state }),
  ...(values.verbose ? { onEvent: (event) => console.log(describeEvent(event)) } : {}),
})
const controls = await serveControl(simulator, portFrom('--control-port', values['control-port']))

console.log(`ready ws=${simulator.webSocketUrl} control=${controls.url} root-key=${simulator.rootKey}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

async function stop(): Promise<void> {
  await controls.close()
  await simulator.close()
}

function portFrom(flag: string, text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`${flag} must be a port, not "${text}"`)
  return port
}
