/** A simulated WhatsApp in a process of its own, so that neither its CPU time nor its pauses count as those of others. */
import type { Simulator } from '../../simulator/simulator.ts'
import { readySetting, startProgram } from './processes.ts'

export type SimulatorProcess = {
  readonly pid: number
  /** The simulator as stages take it; its control requests go over HTTP. */
  readonly simulator: Simulator
  /** Address of the control routes, with `/simulator`. */
  readonly controlUrl: string
  readonly stop: () => Promise<void>
}

export async function startSimulatorProcess(): Promise<SimulatorProcess> {
  const { ready, pid, stop } = await startProgram('simulator/main.ts', ['--port', '0', '--control-port', '0'])
  const url = readySetting(ready, 'control')
  const simulator: Simulator = {
    webSocketUrl: readySetting(ready, 'ws'),
    rootKey: readySetting(ready, 'root-key'),
    control: async (method, path, body) => {
      const response = await fetch(url + path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
      return { status: response.status, body: await response.json() }
    },
    close: stop,
  }
  return { pid, simulator, controlUrl: `${url}/simulator`, stop }
}
