/** A session of the adapter with the real Baileys, logged in at a peer whose stanzas the test chooses. */
import { onTestFinished } from 'vitest'
import type { Close } from '#shared/domain/session/disconnect.ts'
import type { SocketTime } from '../../../../socket-host/whatsapp/baileys-socket.ts'
import { createWhatsApp } from '../../../../socket-host/whatsapp/baileys-whatsapp.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'
import { type MemoryCredentialStore, memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { log, storeIn } from '../credentials/linked-auth-state.ts'
import { aTarget } from '../whatsapp-rig.ts'

export type OpenSession = {
  readonly store: MemoryCredentialStore
  readonly target: StoredTarget
  /** Resolves when the socket has closed on its own. */
  readonly closed: Promise<Close>
}

/** Opens a session and waits until it is open. */
export async function openSession(time?: SocketTime): Promise<OpenSession> {
  const store = memoryCredentialStore()
  const target = aTarget()
  await storeIn(store, target)
  const whatsApp = createWhatsApp({ store, clock: Date.now, log, ...(time && { time }) })
  const credentials = await whatsApp.load(target)
  if (typeof credentials === 'string') throw new Error(credentials)
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<Close>()
  const socket = whatsApp.open(credentials, (event) => {
    if (event.type === 'opened') opened.resolve()
    if (event.type !== 'closed') return
    closed.resolve(event.close)
    opened.reject(new Error(JSON.stringify(event)))
  })
  onTestFinished(() => socket.close())
  await opened.promise
  return { store, target, closed: closed.promise }
}
