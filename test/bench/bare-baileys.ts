/** What Pairplane is measured against: Baileys alone, used as well as it can be. */
import makeWASocket, {
  type AuthenticationState,
  Browsers,
  initAuthCreds,
  type SignalDataSet,
  type WASocket,
} from '@whiskeysockets/baileys'
import { pino } from 'pino'

export const silent = pino({ level: 'silent' })

/** Keys in memory, as for an attempt. */
export function memoryAuth(creds = initAuthCreds()): AuthenticationState {
  const rows = new Map<string, unknown>()
  return {
    creds,
    keys: {
      get: async (type, ids) => Object.fromEntries(ids.map((id) => [id, rows.get(`${type}#${id}`)] as never)),
      set: async (data: SignalDataSet) => {
        for (const [type, values] of Object.entries(data))
          for (const [id, value] of Object.entries(values ?? {})) rows.set(`${type}#${id}`, value)
      },
    },
  }
}

export type BareSocket = { readonly socket: WASocket; readonly code: string }

/** Opens a registration socket and asks for a code; resolves when WhatsApp has accepted it. */
export async function bareCode(phone: string): Promise<BareSocket> {
  const socket = makeWASocket({ auth: memoryAuth(), logger: silent, browser: Browsers.ubuntu('Chrome') })
  await new Promise<void>((resolve, reject) => {
    socket.ev.on('connection.update', ({ qr, lastDisconnect }) => {
      if (qr) resolve()
      if (lastDisconnect) reject(lastDisconnect.error)
    })
  })
  const [, prefix, number] = /^(.*-)(\d+)$/.exec(socket.generateMessageTag()) ?? []
  const accepted = socket.waitForMessage(`${prefix}${Number(number) + 1}`, 20_000)
  const code = await socket.requestPairingCode(phone)
  if (!(await accepted)) throw new Error('companion_hello was not answered')
  return { socket, code }
}
