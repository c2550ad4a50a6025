/** Starts and drives `bare-cpu.ts`, the process of bare Baileys whose CPU time is measured. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pidOf } from '../support/process-ids.ts'
import type { SimulatorProcess } from './simulator-process.ts'

/** An order to the process: link these phones, `width` at a time; load companions from a file; open the loaded ones. */
export type BareOrder =
  | { readonly link: readonly string[]; readonly width: number }
  | { readonly load: string }
  | { readonly open: true }

/** A code that waits to be typed, or the end of an order. */
export type BareReport =
  | { readonly phone: string; readonly code: string }
  | { readonly done: true }
  | { readonly failed: string }

export type BareProcess = {
  readonly pid: number
  /** Resolves when the order is carried out; rejects when it cannot be. */
  readonly order: (order: BareOrder) => Promise<void>
  readonly stop: () => Promise<void>
}

const script = fileURLToPath(new URL('./bare-cpu.ts', import.meta.url))
const trust = new URL('../../simulator/trust.ts', import.meta.url).href

/** Starts the process. This process types its codes, as it does for a host. */
export async function startBare({ simulator }: SimulatorProcess): Promise<BareProcess> {
  const { webSocketUrl, rootKey, control } = simulator
  const child = fork(script, [], {
    execArgv: ['--import', trust],
    env: { ...process.env, PAIRPLANE_WHATSAPP_URL: webSocketUrl, PAIRPLANE_WHATSAPP_ROOT_KEY: rootKey },
  })
  child.on('message', (report: BareReport) => {
    if ('code' in report)
      void control('POST', `/simulator/phones/${report.phone}/enter-code`, { code: report.code }).catch(() => {})
  })
  await endOfOrder(child)
  return {
    pid: pidOf(child),
    order: async (order) => {
      const end = endOfOrder(child)
      child.send(order)
      await end
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

function endOfOrder(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('bare Baileys has ended'))
    const onReport = (report: BareReport) => {
      if ('code' in report) return
      child.off('message', onReport)
      child.off('exit', onExit)
      if ('failed' in report) reject(new Error(report.failed))
      else resolve()
    }
    child.on('message', onReport)
    child.once('exit', onExit)
  })
}
