/** The reference for benchmarks: Baileys alone, used as well as possible. */
import makeWASocket, { Browsers, type WASocket } from '@whiskeysockets/baileys'
import { memoryAuth } from '../fakes/memory-auth.ts'
import { silentLogger } from '../fakes/silent-logger.ts'

export type BareSocket = { readonly socket: WASocket; readonly code: string }

/** Opens a registration socket and asks for a code; resolves when WhatsApp has accepted it. */
export async function bareCode(phone: string, auth = memoryAuth()): Promise<BareSocket> {
  const socket = makeWASocket({ auth, logger: silentLogger, browser: Browsers.ubuntu('Chrome') })
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
