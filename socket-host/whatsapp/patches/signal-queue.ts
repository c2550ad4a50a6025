/**
 * Queues Signal work per socket and contact (R63). libsignal 6.0.0 has one queue per contact for the whole process: a
 * company would wait for the rows of every other company with the same customer, and its work would run in the async
 * context of the company that was there first. Baileys' transaction and the blame for an error (`blameSocket`) depend on
 * that context.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { DEFAULT_CONNECTION_CONFIG } from '@whiskeysockets/baileys'
import { currentSocket, sockets } from '../current-socket.ts'

export type JobQueues = {
  /**
   * Runs `work` after all earlier work of this socket for this contact, in the async context of this call. Rejects when
   * the socket goes before the work has ended, or has gone already.
   */
  add<T>(contact: string, work: () => Promise<T>): Promise<T>
  /** Rejects all work of a socket that has gone, running or waiting. What runs cannot be stopped; its result is lost. */
  drop(socket: number): void
  /** Number of queues that hold work. */
  size(): number
}

type Job = { readonly run: () => Promise<unknown>; resolve(value: unknown): void; reject(error: unknown): void }

export type JobQueuesDeps = {
  /** The socket that the caller works for; undefined for code that works for none, which has queues of its own. */
  readonly socketOf: () => number | undefined
  readonly hasGone: (socket: number) => boolean
}

export function jobQueues({ socketOf, hasGone }: JobQueuesDeps): JobQueues {
  /** Jobs by socket and contact, in order. The first of each queue is the one that runs. */
  const queues = new Map<number | undefined, Map<string, Job[]>>()

  /** Runs the jobs of a queue one after the other. In the tick in which it is empty, it is removed. */
  async function runAll(queue: Job[], remove: () => void): Promise<void> {
    for (let job = queue[0]; job; job = queue[0]) {
      try {
        job.resolve(await job.run())
      } catch (error) {
        job.reject(error)
      }
      queue.shift()
    }
    remove()
  }
  const removeQueue = (socket: number | undefined, contact: string) => {
    const contacts = queues.get(socket)
    contacts?.delete(contact)
    if (contacts?.size === 0) queues.delete(socket)
  }
  return {
    add<T>(contact: string, work: () => Promise<T>): Promise<T> {
      const socket = socketOf()
      if (socket !== undefined && hasGone(socket)) return Promise.reject(goneError())
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const inContext = AsyncLocalStorage.snapshot()
      const job: Job = { run: () => inContext(work), resolve: resolve as Job['resolve'], reject }
      const contacts = queues.get(socket) ?? new Map<string, Job[]>()
      const queue = contacts.get(contact)
      if (queue) queue.push(job)
      else {
        const fresh = [job]
        queues.set(socket, contacts.set(contact, fresh))
        void runAll(fresh, () => removeQueue(socket, contact))
      }
      return promise
    },
    drop(socket) {
      const dropped = [...(queues.get(socket)?.values() ?? [])]
      queues.delete(socket)
      for (const queue of dropped) for (const job of queue.splice(0)) job.reject(goneError())
    },
    size: () => [...queues.values()].reduce((sum, contacts) => sum + contacts.size, 0),
  }
}

const goneError = () => new Error('The socket has gone')

const ours = jobQueues({ socketOf: () => currentSocket.getStore(), hasGone: (socket) => !sockets.has(socket) })

/** Rejects the Signal work of a socket. Call it when the socket has been removed from `sockets`. */
export const dropSignalJobs = ours.drop

/** Replaces libsignal's queue by ours. Throws when Baileys does not use it then. Further calls have no effect. */
export function installSignalQueue(): void {
  if (isInstalled) return
  const fromBaileys = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))
  fromBaileys('libsignal/src/queue_job.js')
  loadedModule(fromBaileys, 'queue_job.js').exports = ours.add
  replaceMethod(fromBaileys, 'session_cipher.js', 'queueJob')
  replaceMethod(fromBaileys, 'session_builder.js', 'initOutgoing')
  assertInUse()
  isInstalled = true
}

let isInstalled = false

/**
 * Replaces a method of a class that Baileys has imported long ago, together with the queue that the method calls. A
 * second copy of the class's module, loaded after the queue was replaced, provides it.
 */
function replaceMethod(fromBaileys: NodeJS.Require, file: string, method: string): void {
  const original: SignalClass = fromBaileys(`libsignal/src/${file}`)
  const module = loadedModule(fromBaileys, file)
  delete fromBaileys.cache[module.id]
  try {
    const copy: SignalClass = fromBaileys(`libsignal/src/${file}`)
    if (copy === original || !Object.hasOwn(copy.prototype, method)) throw notPatched(`no ${method} in ${file}`)
    original.prototype[method] = copy.prototype[method]
  } finally {
    fromBaileys.cache[module.id] = module
  }
}

type SignalClass = { readonly prototype: { [method: string]: unknown } }

function loadedModule(fromBaileys: NodeJS.Require, file: string): NodeJS.Module {
  const module = fromBaileys.cache[fromBaileys.resolve(`libsignal/src/${file}`)]
  if (!module) throw notPatched(`no ${file}`)
  return module
}

/** Lets Baileys decrypt a message and begin a session. Both reach the queue before they wait for anything. */
function assertInUse(): void {
  const keys = { get: async () => ({}), set: async () => {}, transaction: (work: () => unknown) => work() }
  const quiet = { level: 'silent', child: () => quiet, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
  const auth = { creds: {}, keys } as never
  const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, quiet, async () => undefined)
  const before = ours.size()
  const probes = [
    () => repository.decryptMessage({ jid: '1@s.whatsapp.net', type: 'msg', ciphertext: Buffer.alloc(0) }),
    () => repository.injectE2ESession({ jid: '2@s.whatsapp.net', session: {} as never }),
  ]
  for (const [index, probe] of probes.entries()) {
    probe().then(noResult, noResult)
    if (ours.size() !== before + index + 1) throw notPatched('Baileys does not use our queue')
  }
}

/** A probe has neither keys nor a session. It fails. */
const noResult = () => {}

const notPatched = (reason: string) => new Error(`Could not replace libsignal's queue: ${reason}`)
