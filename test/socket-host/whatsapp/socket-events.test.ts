/**
 * Tests against a fake Baileys that reports wrongly, hangs or does not close: slow or impossible with the simulated
 * WhatsApp.
 */
import { EventEmitter } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import type {
  BaileysSocket,
  ConnectionUpdate,
  SocketTimes,
  Stanza,
} from '../../../socket-host/whatsapp/baileys-socket.ts'
import type { SocketEvent } from '../../../socket-host/whatsapp/port.ts'
import { socketEnd } from '../../../socket-host/whatsapp/socket-end.ts'
import { listen } from '../../../socket-host/whatsapp/socket-events.ts'
import { closeWithin, guardListeners } from '../../../socket-host/whatsapp/socket-guard.ts'
import { boom } from '../support/boom.ts'

const times: SocketTimes = { connectMs: 5000, helloMs: 5000, restartMs: 5000, closeMs: 20 }

type Behaviour = {
  readonly isLinked?: boolean
  /** Number of pre-keys that WhatsApp answers. */
  readonly preKeys?: () => Promise<Stanza | undefined>
  readonly flush?: () => Promise<void>
  /** Baileys never reports that it has closed. */
  readonly isStuck?: boolean
}

function start({ isLinked = true, preKeys = async () => count('812'), flush = async () => {}, isStuck }: Behaviour) {
  const ws = Object.assign(new EventEmitter(), { close: async () => {} })
  const events: SocketEvent[] = []
  let update: (update: ConnectionUpdate) => void = () => {}
  const baileys: BaileysSocket = {
    ws,
    onUpdate(listener) {
      update = listener
    },
    end: async () => (isStuck ? undefined : update({ connection: 'close' })),
    freeCaches: () => {},
    generateMessageTag: () => 'tag-1',
    requestPairingCode: async () => 'ABCDEFGH',
    query: preKeys,
    ping: async () => {},
  }
  const end = socketEnd({
    end: () => void baileys.end(),
    graceMs: 20,
    onGone: (close) => events.push({ type: 'closed', close }),
  })
  const credentials = { isLinked: () => isLinked, flush, phone: () => undefined }
  const log = { debug: () => {}, warn: () => {}, error: () => {} }
  listen({
    baileys,
    end,
    alive: { heard: () => {} },
    credentials,
    emit: (event) => events.push(event),
    clock: () => 0,
    log,
    times,
  })
  return { ws, events, end, say: (said: ConnectionUpdate) => update(said) }
}

const count = (value: string): Stanza => ({ tag: 'iq', attrs: {}, content: [{ tag: 'count', attrs: { value } }] })

test.each([
  ['WhatsApp has refused something and has no pre-keys of ours', { preKeys: async () => count('0') }],
  ['WhatsApp does not answer', { preKeys: async () => undefined }],
  ['WhatsApp refuses to say', { preKeys: () => Promise.reject(new Error('forbidden')) }],
  ['something could not be stored', { flush: () => Promise.reject(new Error('The credentials store failed')) }],
])('open is not believed when %s', async (_why, behaviour) => {
  const { ws, say, end, events } = start(behaviour)
  ws.emit('CB:iq,type:error')
  say({ connection: 'open' })
  expect((await end.gone).reason).toBe('lost')
  expect(events.map(({ type }) => type)).toEqual(['closed'])
})

test('open is believed when WhatsApp counts no pre-keys but has refused nothing', async () => {
  const { say, events } = start({ preKeys: async () => count('0') })
  say({ connection: 'open' })
  await expect.poll(() => events).toEqual([{ type: 'opened' }])
})

test('open from a socket that is ending changes nothing', async () => {
  const { say, end, events } = start({ isStuck: true })
  end.fail({ reason: 'lost', detail: 'cut' })
  say({ connection: 'open' })
  say({ qr: 'late' })
  await end.gone
  say({ connection: 'close', lastDisconnect: { error: new Error('late') } })
  expect(events).toEqual([{ type: 'closed', close: { reason: 'lost', detail: 'cut' } }])
})

test("WhatsApp's reason for a close takes precedence over our own", async () => {
  const { say, end } = start({ isStuck: true })
  end.fail({ reason: 'lost', detail: 'store away' })
  const removed = boom('Stream Errored (conflict)', 401)
  say({ connection: 'close', lastDisconnect: { error: removed } })
  expect((await end.gone).reason).toBe('loggedOut')
})

test('pair-success that leaves the credentials unlinked fails the socket', async () => {
  const { say, end, events } = start({ isLinked: false })
  say({ isNewLogin: true })
  expect((await end.gone).reason).toBe('badLink')
  expect(events.map(({ type }) => type)).toEqual(['closed'])
})

test('a listener that throws or rejects is caught, reported by its event, and disturbs no other', async () => {
  const emitter = new EventEmitter()
  const reports: unknown[] = []
  const heard: string[] = []
  emitter.on('frame', () => {
    throw new Error('thrown')
  })
  emitter.on('frame', async () => {
    throw new Error('rejected')
  })
  emitter.on('frame', (word: string) => heard.push(word))
  guardListeners(emitter, (event, error) => reports.push([event, error]))
  emitter.emit('frame', 'hello')
  await Promise.resolve()
  expect(heard).toEqual(['hello'])
  expect(reports).toEqual([
    ['frame', new Error('thrown')],
    ['frame', new Error('rejected')],
  ])
})

test('a close that the peer does not answer drops the connection after its time, and no sooner', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const unanswered = Promise.withResolvers<void>()
  const client = Object.assign(new EventEmitter(), { close: () => unanswered.promise })
  closeWithin(client, 1000)
  const destroyed: string[] = []
  client.emit('upgrade', { socket: { destroy: () => destroyed.push('destroyed') } })
  const closing = client.close()
  vi.advanceTimersByTime(999)
  expect(destroyed).toEqual([])
  vi.advanceTimersByTime(1)
  expect(destroyed).toEqual(['destroyed'])
  unanswered.resolve()
  await closing
})
