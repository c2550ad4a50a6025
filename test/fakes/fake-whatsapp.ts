/** A fake WhatsApp: tests play its sockets by hand; it keeps linked devices and stored credentials. */
import type { Close, CloseReason } from '#shared/domain/session/disconnect.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { Time } from '../../socket-host/time.ts'
import type {
  About,
  Credentials,
  SocketEvent,
  StoredTarget,
  UnlinkResult,
  WhatsApp,
  WhatsAppSocket,
} from '../../socket-host/whatsapp/port.ts'

/** Credentials with a device behind them; `device` is set by pair-success. */
type FakeCredentials = Credentials & {
  readonly id: number
  device: FakeDevice | undefined
  stored: string | undefined
}
type FakeDevice = { readonly phone: string | undefined; isLinked: boolean }

export type FakeSocket = {
  readonly kind: 'registration' | 'login'
  readonly credentials: FakeCredentials
  readonly codesAskedFor: string[]
  /** Fields of its log lines. */
  readonly about: About | undefined
  isOpen: boolean
  hasLoggedIn: boolean
  /** Emits an event, also on a closed socket: hosts must ignore late events. */
  emit(event: SocketEvent): void
  /** WhatsApp sends a QR. */
  qr(qr?: string, lapsesAt?: number): void
  /** WhatsApp answers companion_hello. */
  answerCode(answer: Result<string, Failure>): void
  /** Pair-success; the device is linked at WhatsApp. */
  link(phone: string | undefined): void
  opened(): void
  /** The socket closes by itself. */
  drop(reason: CloseReason): void
  /** WhatsApp answers the request to unlink. */
  answerUnlink(result: UnlinkResult): void
}

export type FakeWhatsApp = WhatsApp & {
  readonly sockets: FakeSocket[]
  open(credentials: Credentials, listener: (event: SocketEvent) => void, about?: About): WhatsAppSocket
  /** Sockets that have not been closed. */
  live(kind?: FakeSocket['kind']): FakeSocket[]
  /** The newest socket. */
  last(): FakeSocket
  /** Stored credentials, by company and generation. */
  readonly stored: Map<string, FakeCredentials | 'damaged' | 'unreadable'>
  /** Record of events, in order: `open registration 1`, `close login 2`, `persist c1/g1`. */
  readonly journal: string[]
  /** All devices that were linked at WhatsApp; `isLinked` tells whether they still are. */
  readonly devices: FakeDevice[]
}

export type FakeWhatsAppOptions = {
  /** Gives the usual answers by itself: a QR, a code, logins, unlinkings. On by default. */
  readonly isObliging?: boolean
  readonly now?: () => number
  /** Timers, for an unlinking that WhatsApp never answers. */
  readonly after?: Time['after']
}

const keyOf = (target: Pick<StoredTarget, 'companyId' | 'generation'>) => `${target.companyId}/${target.generation}`

export function fakeWhatsApp({ isObliging = true, now = Date.now, after }: FakeWhatsAppOptions = {}): FakeWhatsApp {
  const sockets: FakeSocket[] = []
  const stored = new Map<string, FakeCredentials | 'damaged' | 'unreadable'>()
  const journal: string[] = []
  const devices: FakeDevice[] = []
  let serial = 0

  function makeCredentials(device?: FakeDevice): FakeCredentials {
    const credentials: FakeCredentials = {
      id: ++serial,
      device,
      stored: undefined,
      isLinked: () => credentials.device !== undefined,
      flush: async () => {
        journal.push(`flush ${credentials.id}`)
      },
    }
    return credentials
  }

  return {
    sockets,
    stored,
    journal,
    devices,
    live: (kind) => sockets.filter((socket) => socket.isOpen && (kind === undefined || socket.kind === kind)),
    last: () => {
      const socket = sockets.at(-1)
      if (!socket) throw new Error('No socket was opened')
      return socket
    },
    fresh: () => makeCredentials(),
    persist: async (credentials, target) => {
      if (!target.isOwner()) return 'fenced'
      const own = asFake(credentials)
      if (!own.isLinked()) throw new Error('Unlinked credentials were to be stored')
      if (own.stored !== undefined) throw new Error('Credentials are stored once')
      own.stored = keyOf(target)
      stored.set(keyOf(target), own)
      journal.push(`persist ${keyOf(target)}`)
      return 'written'
    },
    load: async (target) => {
      const found = stored.get(keyOf(target))
      if (!target.isOwner()) return 'fenced'
      if (found === undefined) return 'damaged'
      if (typeof found === 'string') return found
      const loaded = makeCredentials(found.device)
      loaded.stored = keyOf(target)
      return loaded
    },
    prepare: async () => undefined,
    open(credentials, listener, about) {
      const deps = { listener, about, isObliging, now, after, devices, journal }
      const { played, socket } = openSocket(asFake(credentials), deps)
      sockets.push(played)
      return socket
    },
  }
}

type SocketDeps = Required<Pick<FakeWhatsAppOptions, 'isObliging' | 'now'>> & {
  readonly after: Time['after'] | undefined
  readonly listener: (event: SocketEvent) => void
  readonly about: About | undefined
  readonly devices: FakeDevice[]
  readonly journal: string[]
}

/** Opens a socket that a test plays. */
function openSocket(
  own: FakeCredentials,
  { listener, about, isObliging, now, after, devices, journal }: SocketDeps,
): { readonly played: FakeSocket; readonly socket: WhatsAppSocket } {
  const codeAnswer = Promise.withResolvers<Result<string, Failure>>()
  const unlinkAnswer = Promise.withResolvers<UnlinkResult>()
  const name = `${own.isLinked() ? 'login' : 'registration'} ${own.id}`
  const end = (): void => {
    if (!socket.isOpen) return
    socket.isOpen = false
    journal.push(`close ${name}`)
  }
  const socket: FakeSocket = {
    kind: own.isLinked() ? 'login' : 'registration',
    credentials: own,
    codesAskedFor: [],
    about,
    isOpen: true,
    hasLoggedIn: false,
    emit: listener,
    qr: (qr = `qr-${own.id}`, lapsesAt = now() + 60_000) => listener({ type: 'qr', qr, lapsesAt }),
    answerCode: codeAnswer.resolve,
    link: (phone) => {
      own.device = { phone, isLinked: true }
      devices.push(own.device)
      listener({ type: 'linked', phone })
    },
    opened: () => {
      socket.hasLoggedIn = true
      listener({ type: 'opened' })
    },
    drop: (reason) => {
      end()
      listener({ type: 'closed', close: closeFor(reason) })
    },
    answerUnlink: unlinkAnswer.resolve,
  }
  journal.push(`open ${name}`)
  if (isObliging) queueMicrotask(() => oblige(socket))
  return {
    played: socket,
    socket: {
      requestCode: async (phone) => {
        socket.codesAskedFor.push(phone)
        if (isObliging) socket.answerCode(ok('ABCD-EFGH'))
        return codeAnswer.promise
      },
      unlink: async (timeoutMs) => {
        after?.(timeoutMs, () => socket.answerUnlink('unconfirmed'))
        if (isObliging) socket.answerUnlink(socket.isOpen && socket.hasLoggedIn ? 'confirmed' : 'unconfirmed')
        const result = await unlinkAnswer.promise
        if (result === 'confirmed' && own.device) own.device.isLinked = false
        end()
        return result
      },
      close: async () => end(),
    },
  }
}

function oblige(socket: FakeSocket): void {
  if (!socket.isOpen) return
  if (socket.kind === 'registration') socket.qr()
  else if (socket.credentials.device?.isLinked) socket.opened()
  else socket.drop('loggedOut')
}

export const closeFor = (reason: CloseReason): Close => ({ reason, detail: `fake ${reason}` })
export const refused = (failure: Failure): Result<string, Failure> => err(failure)

function asFake(credentials: Credentials): FakeCredentials {
  if (!('id' in credentials) || !('device' in credentials)) throw new Error('Not fake credentials')
  return credentials as FakeCredentials
}
