/**
 * A program that opens linked Baileys sockets with their keys in memory. Its arguments are the numbers of sockets after each
 * stage; the `ready` line has the resident bytes after each stage. It links its devices at `SIMULATOR_URL`; the preloads make
 * Baileys connect to the simulator.
 */
import makeWASocket, { Browsers } from '@whiskeysockets/baileys'
import { inParallel } from '#shared/async/in-parallel.ts'
import { memoryAuth } from '../fakes/memory-auth.ts'
import { silentLogger } from '../fakes/silent-logger.ts'
import { linkedCompanion } from '../support/linked-companion.ts'
import { settledBytes } from './memory.ts'

const simulatorUrl = process.env['SIMULATOR_URL'] ?? ''
const stages = process.argv.slice(2).map(Number)
/** Limit of sockets that are opened at once, the same as in a host. */
const concurrency = 3

async function openOne(phone: string): Promise<void> {
  const { creds, keys } = await linkedCompanion(simulatorUrl, phone)
  const auth = memoryAuth(creds)
  await auth.keys.set(keys)
  const socket = makeWASocket({ auth, logger: silentLogger, browser: Browsers.ubuntu('Chrome') })
  socket.ev.on('creds.update', (update) => Object.assign(creds, update))
  await new Promise<void>((resolve, reject) => {
    socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
      if (connection === 'open') resolve()
      if (connection === 'close') reject(lastDisconnect?.error)
    })
  })
}

const settings = [`at0=${await settledBytes(process.pid)}`]
let open = 0
for (const count of stages) {
  const phones = Array.from({ length: count - open }, (_, index) => `7902${1_000_000 + open + index}`)
  await inParallel(phones, concurrency, openOne)
  open = count
  settings.push(`at${count}=${await settledBytes(process.pid)}`)
}
console.log(`ready ${settings.join(' ')}`)
process.once('SIGINT', () => process.exit(0))
