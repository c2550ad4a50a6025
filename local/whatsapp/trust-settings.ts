import { DEFAULT_CONNECTION_CONFIG, WA_CERT_DETAILS } from '@whiskeysockets/baileys'

/** Which WhatsApp to talk to, and the key that must vouch for it. */
export interface TrustSettings {
  readonly webSocketUrl: string
  /** The public root key of its certificates, 32 bytes in hex. */
  readonly rootKey: string
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
  return { webSocketUrl, rootKey }
}

/** Points Baileys at that WhatsApp. It reads both constants when it connects, so this works from outside of it. */
export function trust({ webSocketUrl, rootKey }: TrustSettings): void {
  DEFAULT_CONNECTION_CONFIG.waWebSocketUrl = webSocketUrl
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
}
