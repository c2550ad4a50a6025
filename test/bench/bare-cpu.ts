/**
 * A program that links and reconnects bare Baileys sockets as its parent tells it (`bare-process.ts`), with their keys in
 * memory. Sockets of linked devices that close are opened again. The preload makes Baileys connect to the simulator.
 */
import { readFile } from 'node:fs/promises'
import makeWASocket, { type AuthenticationState, Browsers, BufferJSON } from '@whiskeysockets/baileys'
import { inParallel } from '#shared/async/in-parallel.ts'
import { memoryAuth } from '../fakes/memory-auth.ts'
import { silentLogger } from '../fakes/silent-logger.ts'
import type { LinkedCompanion } from '../support/linked-companion.ts'
import { bareCode } from './bare-baileys.ts'
import type { BareOrder, BareReport } from './bare-process.ts'

/** Limit of sockets that are opened again at once. A host opens more, as many as its core can serve. */
const concurrency = 3
const loaded: AuthenticationState[] = []
const closed: AuthenticationState[] = []
let reopening = 0

const tell = (report: BareReport) => process.send?.(report)

/** Opens the socket of a linked device; resolves when it is open. */
function open(auth: AuthenticationState): Promise<void> {
  const socket = makeWASocket({ auth, logger: silentLogger, browser: Browsers.ubuntu('Chrome') })
  return new Promise((resolve, reject) => {
    socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
      if (connection === 'open') resolve()
      if (connection !== 'close') return
      // Rejects only if it never was open.
      reject(lastDisconnect?.error)
      closed.push(auth)
      reopenNext()
    })
  })
}

function reopenNext(): void {
  if (reopening >= concurrency) return
  const auth = closed.shift()
  if (!auth) return
  reopening += 1
  void open(auth)
    .catch(() => {})
    .finally(() => {
      reopening -= 1
      reopenNext()
    })
}

/** Links a device by code: a socket that registers, and, after WhatsApp has closed it, one that logs in. */
async function link(phone: string): Promise<void> {
  const auth = memoryAuth()
  const { socket, code } = await bareCode(phone, auth)
  const restart = new Promise<void>((resolve) => {
    socket.ev.on('connection.update', ({ connection }) => {
      if (connection === 'close') resolve()
    })
  })
  tell({ phone, code })
  await restart
  await open(auth)
}

async function load(file: string): Promise<void> {
  const companions: LinkedCompanion[] = JSON.parse(await readFile(file, 'utf8'), BufferJSON.reviver)
  for (const { creds, keys } of companions) {
    const auth = memoryAuth(creds)
    await auth.keys.set(keys)
    loaded.push(auth)
  }
}

async function carryOut(order: BareOrder): Promise<void> {
  if ('link' in order) await inParallel(order.link, order.width, link)
  else if ('load' in order) await load(order.load)
  else await inParallel(loaded.splice(0), concurrency, open)
}

process.on('message', (order: BareOrder) => {
  carryOut(order).then(
    () => tell({ done: true }),
    (error: unknown) => tell({ failed: String(error) }),
  )
})
// The parent has gone.
process.on('disconnect', () => process.exit())
tell({ done: true })
