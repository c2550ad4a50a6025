import { DEFAULT_CONNECTION_CONFIG, WA_CERT_DETAILS } from '@whiskeysockets/baileys'

/** Address of a simulated WhatsApp, and the key that its certificates must be signed with. */
export type TrustSettings = {
  readonly webSocketUrl: string
  /** The public root key, 32 bytes in hex. */
  readonly rootKey: string
  /** The name of this process at the simulator, where single clients can be given a condition of their own. */
  readonly client?: string | undefined
}

/** Reads the settings of a simulated WhatsApp from the environment. Throws when one is missing or malformed. */
export function readTrustSettings(env: NodeJS.ProcessEnv): TrustSettings {
  const webSocketUrl = env['PAIRPLANE_WHATSAPP_URL'] ?? ''
  const rootKey = env['PAIRPLANE_WHATSAPP_ROOT_KEY'] ?? ''
  if (!/^wss?:$/.test(URL.parse(webSocketUrl)?.protocol ?? '')) {
    throw new Error(`PAIRPLANE_WHATSAPP_URL must be a ws:// or wss:// URL, not "${webSocketUrl}"`)
  }
  if (!/^[0-9a-f]{64}$/i.test(rootKey)) {
    throw new Error('PAIRPLANE_WHATSAPP_ROOT_KEY must be 32 bytes in hex')
  }
  return { webSocketUrl, rootKey, client: env['PAIRPLANE_WHATSAPP_CLIENT'] }
}

/** Points Baileys at that WhatsApp. Baileys reads both constants when it connects, so changing them is enough. */
export function trust({ webSocketUrl, rootKey, client }: TrustSettings): void {
  const url = new URL(webSocketUrl)
  if (client !== undefined) url.searchParams.set('client', client)
  DEFAULT_CONNECTION_CONFIG.waWebSocketUrl = url.href
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
}
