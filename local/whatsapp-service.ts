/** The WhatsApp of this run, as its hosts and its HTTP surface see it. */
import type { Simulator } from '../simulator/simulator.ts'
import type { WhatsApp } from './flags.ts'
import type { HttpHandler } from './gateway/http-api.ts'
import type { Log } from './invoke/outcome.ts'
import { noSimulatorApi, simulatorApi } from './simulator-api.ts'

export type WhatsAppService = {
  /** Variables and preloads that point a host at it; none for the real one. */
  readonly hostEnvironment: (hostId: string) => Readonly<Record<string, string>>
  readonly preloads: readonly string[]
  /** Serves `/simulator/…`. */
  readonly api: HttpHandler
  readonly simulator?: Simulator | undefined
  stop(): Promise<void>
}

/** Starts the simulated one, or points at another. */
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
  // Loaded only here: a run against another WhatsApp does without the simulator's megabytes.
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
    // Another simulator may know no names of clients.
    ...trusting({ url: simulator.webSocketUrl, rootKey: simulator.rootKey, namesClients: true }),
    api: simulatorApi(simulator),
    simulator,
    stop: () => simulator.close(),
  }
}

/** What makes a host's Baileys talk to this service and trust its key. */
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
