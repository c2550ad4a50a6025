/** Adapter with the real Baileys against the simulated WhatsApp, with events that can be awaited. */
import { randomBytes } from 'node:crypto'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { trust } from '../../../simulator/trust-settings.ts'
import type { SocketTimes } from '../../../socket-host/whatsapp/baileys-socket.ts'
import { createWhatsApp } from '../../../socket-host/whatsapp/baileys-whatsapp.ts'
import type {
  Credentials,
  SocketEvent,
  StoredTarget,
  WhatsApp,
  WhatsAppSocket,
} from '../../../socket-host/whatsapp/port.ts'
import { type MemoryCredentialStore, memoryCredentialStore } from '../../fakes/memory-credential-store.ts'

type EventOf<T extends SocketEvent['type']> = Extract<SocketEvent, { type: T }>

/** Socket whose events are recorded and can be awaited. */
type Observed = {
  readonly socket: WhatsAppSocket
  readonly events: readonly SocketEvent[]
  /** Waits for the first event of a type, past or future. Rejects when the socket closes first. */
  next<T extends SocketEvent['type']>(type: T): Promise<EventOf<T>>
  types(): string[]
}

export type Rig = {
  readonly simulator: Simulator
  readonly store: MemoryCredentialStore
  readonly whatsApp: WhatsApp
  /** Makes an adapter on the same store with other time limits. */
  with(times: Partial<SocketTimes>): WhatsApp
  open(credentials: Credentials, whatsApp?: WhatsApp): Observed
  behave(phone: string, behaviour: string, params?: object): Promise<void>
  service(behaviour: string, params?: object): Promise<void>
  /** Types a code on the phone; returns what its screen shows then. */
  enterCode(phone: string, code: string): Promise<unknown>
  phone(phone: string, act: string, params?: object): Promise<unknown>
  violations(): Promise<unknown>
  /** Links by code and persists. WhatsApp has closed the registration socket (515) by then. */
  link(phone: string, target: StoredTarget): Promise<Credentials>
  /** Links, logs in and waits until open. */
  connect(phone: string, target?: StoredTarget): Promise<Observed & { readonly credentials: Credentials }>
  stop(): Promise<void>
}

let generations = 0
export const aTarget = (changes: Partial<StoredTarget> = {}): StoredTarget => {
  generations += 1
  return {
    companyId: 'c1',
    generation: `G${generations}`,
    dataKey: randomBytes(32),
    epoch: 5,
    isOwner: () => true,
    ...changes,
  }
}

/** Fixed wall clock of all adapters of a rig, epoch ms. */
export const rigTime = Date.parse('2026-11-22T10:00:00Z')

const quiet = { debug: () => {}, warn: () => {}, error: () => {} }

export async function startRig(): Promise<Rig> {
  const simulator = await startSimulator()
  trust({ webSocketUrl: simulator.webSocketUrl, rootKey: simulator.rootKey })
  const store = memoryCredentialStore()
  const adapter = (times: Partial<SocketTimes> = {}) =>
    createWhatsApp({ store, clock: () => rigTime, log: quiet, times })
  const whatsApp = adapter()
  const control = async (method: string, path: string, body: object = {}): Promise<unknown> => {
    const reply = await simulator.control(method, path, body)
    if (reply.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  const phone: Rig['phone'] = (number, act, params) => control('POST', `/simulator/phones/${number}/${act}`, params)
  const opened = new Set<WhatsAppSocket>()
  const rig: Rig = {
    simulator,
    store,
    whatsApp,
    with: adapter,
    open(credentials, by = whatsApp) {
      const observed = observe((listener) => by.open(credentials, listener))
      opened.add(observed.socket)
      return observed
    },
    behave: async (number, behaviour, params) =>
      void (await control('PUT', `/simulator/phones/${number}/behaviour`, { behaviour, ...params })),
    service: async (behaviour, params) => void (await control('PUT', '/simulator/service', { behaviour, ...params })),
    enterCode: async (number, code) => Reflect.get(Object(await phone(number, 'enter-code', { code })), 'screen'),
    phone,
    violations: async () => Reflect.get(Object(await control('GET', '/simulator/state')), 'violations'),
    async link(number, target) {
      const credentials = whatsApp.fresh()
      const registration = rig.open(credentials)
      await registration.next('qr')
      const code = await registration.socket.requestCode(number)
      if (!code.ok) throw new Error(code.error.code)
      await Promise.all([rig.enterCode(number, code.value), registration.next('linked')])
      await whatsApp.persist(credentials, target)
      await registration.next('closed')
      opened.delete(registration.socket)
      return credentials
    },
    async connect(number, target = aTarget()) {
      const credentials = await rig.link(number, target)
      const session = rig.open(credentials)
      await session.next('opened')
      return { ...session, credentials }
    },
    async stop() {
      await Promise.all([...opened].map((socket) => socket.close()))
      await simulator.close()
    },
  }
  return rig
}

/** Records the events of a socket. */
function observe(open: (listener: (event: SocketEvent) => void) => WhatsAppSocket): Observed {
  const events: SocketEvent[] = []
  const looks = new Set<() => void>()
  const socket = open((event) => {
    events.push(event)
    for (const look of looks) look()
  })
  const next = <T extends SocketEvent['type']>(type: T): Promise<EventOf<T>> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = events.find((event): event is EventOf<T> => event.type === type)
        const closed = events.find((event) => event.type === 'closed')
        if (found) resolve(found)
        else if (closed) reject(new Error(`closed before ${type}: ${JSON.stringify(closed)}`))
        else return
        looks.delete(look)
      }
      looks.add(look)
      look()
    })
  return { socket, events, next, types: () => events.map(({ type }) => type) }
}
