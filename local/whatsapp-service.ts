/** The WhatsApp of a local run: simulated, real, or another simulator. */
import type { Simulator } from '../simulator/simulator.ts'
import type { WhatsApp } from './flags.ts'
import type { HttpHandler } from './gateway/http-api.ts'
import type { Log } from './invoke/outcome.ts'
import { noSimulatorApi, simulatorApi } from './simulator-api.ts'

export type WhatsAppService = {
  /** Environment variables that point a host at this WhatsApp. Empty for the real one, like `preloads`. */
  readonly hostEnvironment: (hostId: string) => Readonly<Record<string, string>>
  readonly preloads: readonly string[]
  /** Handler of `/simulator/…`. */
  readonly api: HttpHandler
  readonly simulator?: Simulator | undefined
  stop(): Promise<void>
}

/** Starts the simulated WhatsApp, or points at another one. */
export async function startWhatsApp(
  whatsapp: WhatsApp,
  stateFile: string | undefined,
  log: Log,
): Promise<WhatsAppService> {
  if (whatsapp.kind === 'simulated') return startSimulated(stateFile, log)
  const api = noSimulatorApi(whatsapp)
  const stop = async () => undefined
  if (whatsapp.kind === 'live') return { hostEnvironment: () => ({}), preloads: [], api, stop }
  return { ...trusting({ url: whatsapp.url, rootKey: whatsapp.rootKey }), api, stop }
}

async function startSimulated(stateFile: string | undefined, log: Log): Promise<WhatsAppService> {
  // Imported here, so that a run against another WhatsApp does not load the simulator.
  const [{ startSimulator }, { describeEvent }] = await Promise.all([
    import('../simulator/simulator.ts'),
    import('../simulator/service/events.ts'),
  ])
  const simulator = await startSimulator({
    port: 0,
    ...(stateFile !== undefined && { stateFile }),
    onEvent: (event) => log('whatsapp', describeEvent(event)),
  })
  return {
    // Only this simulator is known to take names of clients.
    ...trusting({ url: simulator.webSocketUrl, rootKey: simulator.rootKey, namesClients: true }),
    api: simulatorApi(simulator),
    simulator,
    stop: () => simulator.close(),
  }
}

/** Environment and preload with which a host's Baileys talks to this service and trusts its key. */
function trusting({
  url,
  rootKey,
  namesClients = false,
}: {
  readonly url: string
  readonly rootKey: string
  readonly namesClients?: boolean
}): Pick<WhatsAppService, 'hostEnvironment' | 'preloads'> {
  return {
    hostEnvironment: (hostId) => ({
      PAIRPLANE_WHATSAPP_URL: url,
      PAIRPLANE_WHATSAPP_ROOT_KEY: rootKey,
      ...(namesClients && { PAIRPLANE_WHATSAPP_CLIENT: hostId }),
    }),
    preloads: [new URL('../simulator/trust.ts', import.meta.url).href],
  }
}
