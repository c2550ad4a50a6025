import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { blameSocket, sockets } from '../../../../socket-host/whatsapp/current-socket.ts'
import { dropSignalJobs, installSignalQueue, jobQueues } from '../../../../socket-host/whatsapp/patches/signal-queue.ts'
import { type Company, company, customer } from './signal-rig.ts'

const jid = '79001234567@s.whatsapp.net'
let blamed: string[]
let a: Company
let b: Company
let sender: ReturnType<typeof customer>

beforeEach(() => {
  blamed = []
  sockets.set(1, { fail: () => void blamed.push('a') })
  sockets.set(2, { fail: () => void blamed.push('b') })
  a = company(1)
  b = company(2)
  sender = customer()
})
afterEach(() => sockets.clear())

/** The message of a new contact to each company. */
async function messages() {
  await sender.begin('a', await a.bundle())
  await sender.begin('b', await b.bundle())
  return { toA: await sender.write('a', 'hello a'), toB: await sender.write('b', 'hello b') }
}

/** Gives work that waits for nothing outside the process all the turns that it could need. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn()
}

/**
 * Both companies decrypt a message of the same customer. The rows of A do not answer before B has had all the time that
 * it could need. An unhandled error occurs in the work of B.
 */
async function shareCustomer(work: { a(): Promise<unknown>; b(): Promise<unknown> }) {
  const events: string[] = []
  const held = a.holdSessionRead()
  const first = work.a().then(() => events.push('A is done'))
  await held.reached
  b.onSessionRead(() => void blameSocket(new Error('in the work of B')))
  const second = work.b().then(() => events.push('B is done'))
  await settled()
  events.push('the rows of A answer')
  held.answer()
  await Promise.all([first, second])
  return { events, writes: b.writes, blamed }
}

describe('libsignal without the patch', () => {
  test('has one queue for all companies still', async () => {
    const { toA, toB } = await messages()
    const seen = await shareCustomer({ a: () => a.decrypt(jid, toA), b: () => b.decrypt(jid, toB) })
    expect(seen, 'libsignal no longer shares its queue: remove patches/signal-queue.ts').toEqual({
      events: ['the rows of A answer', 'A is done', 'B is done'],
      writes: [['identity-key'], ['session'], ['pre-key']],
      blamed: ['a'],
    })
  })
})

describe('Baileys with the patch', () => {
  beforeAll(() => installSignalQueue())

  test('a company does not wait for the rows of another one, and works in its own context', async () => {
    const { toA, toB } = await messages()
    const seen = await shareCustomer({ a: () => a.decrypt(jid, toA), b: () => b.decrypt(jid, toB) })
    expect(seen).toEqual({
      events: ['B is done', 'the rows of A answer', 'A is done'],
      writes: [['identity-key'], ['pre-key', 'session']],
      blamed: ['b'],
    })
  })

  test('nor when both begin a session with the same contact', async () => {
    const contact = await company(3).bundle()
    const seen = await shareCustomer({ a: () => a.begin(jid, contact), b: () => b.begin(jid, contact) })
    expect(seen).toEqual({
      events: ['B is done', 'the rows of A answer', 'A is done'],
      writes: [['session']],
      blamed: ['b'],
    })
  })

  test('decrypts the messages of a contact in order', async () => {
    const { toB } = await messages()
    const more = [await sender.write('b', 'second'), await sender.write('b', 'third')]
    const texts = await Promise.all([toB, ...more].map((message) => b.decrypt(jid, message)))
    expect(texts.map(String)).toEqual(['hello b', 'second', 'third'])
  })

  test('work of a socket that has gone fails at once, also behind work that hangs', async () => {
    const { toA, toB } = await messages()
    const next = await sender.write('a', 'next')
    const held = a.holdSessionRead()
    const all = [a.decrypt(jid, toA), a.decrypt(jid, next)]
    await held.reached
    sockets.delete(1)
    dropSignalJobs(1)
    expect(await Promise.allSettled([...all, a.decrypt(jid, next)])).toEqual(Array(3).fill(gone))
    expect(String(await b.decrypt(jid, toB))).toBe('hello b')

    held.answer()
    await settled()
    expect(new Set(a.writes.flat())).toEqual(new Set(['identity-key']))
  })
})

const gone = { status: 'rejected', reason: new Error('The socket has gone') }

describe('queues', () => {
  const context = new AsyncLocalStorage<{ socket: number | undefined; job: number }>()
  const open = new Set<number>()
  const aQueue = () => jobQueues({ socketOf: () => context.getStore()?.socket, hasGone: (socket) => !open.has(socket) })
  const inJob = <T>(socket: number | undefined, job: number, work: () => T): T => context.run({ socket, job }, work)

  beforeEach(() => {
    open.clear()
    open.add(1).add(2)
  })

  const aJob = fc.record({
    socket: fc.constantFrom(undefined, 1, 2),
    contact: fc.constantFrom('x', 'y'),
    turns: fc.nat({ max: 3 }),
    fails: fc.boolean(),
  })

  test('run one job at a time per socket and contact, in order and in its own context, and keep nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aJob, { maxLength: 12 }), async (jobs) => {
        const queues = aQueue()
        const running = new Set<string>()
        const ended = new Map<string, number[]>()
        const results = jobs.map(({ socket, contact, turns, fails }, job) =>
          inJob(socket, job, () =>
            queues.add(contact, async () => {
              const queue = `${socket} ${contact}`
              expect(running).not.toContain(queue)
              running.add(queue)
              for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
              expect(context.getStore()).toEqual({ socket, job })
              running.delete(queue)
              ended.set(queue, [...(ended.get(queue) ?? []), job])
              if (fails) throw new Error(`job ${job}`)
              return job
            }),
          ),
        )
        expect(await Promise.allSettled(results)).toEqual(
          jobs.map(({ fails }, job) =>
            fails ? { status: 'rejected', reason: new Error(`job ${job}`) } : { status: 'fulfilled', value: job },
          ),
        )
        for (const order of ended.values()) expect(order).toEqual(order.toSorted((x, y) => x - y))
        expect(queues.size()).toBe(0)
      }),
    )
  })

  test('take work in any tick after the last job, and lose none', async () => {
    const queues = aQueue()
    for (let ticks = 0; ticks < 8; ticks += 1) {
      const first = inJob(1, 0, () => queues.add('x', async () => 'first'))
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
      const second = inJob(1, 1, () => queues.add('x', async () => 'second'))
      expect(await Promise.race([Promise.all([first, second]), settled()])).toEqual(['first', 'second'])
    }
    expect(queues.size()).toBe(0)
  })

  test('drop the work of one socket only, and take none after that', async () => {
    const queues = aQueue()
    const hang = Promise.withResolvers<string>()
    const started: string[] = []
    const job = (socket: number, name: string) =>
      inJob(socket, 0, () =>
        queues.add('x', () => {
          started.push(name)
          return hang.promise
        }),
      )
    const dropped = [job(1, 'runs'), job(1, 'waits')]
    const other = job(2, 'of another socket')
    open.delete(1)
    queues.drop(1)
    expect(await Promise.allSettled([...dropped, job(1, 'is late')])).toEqual(Array(3).fill(gone))
    hang.resolve('done')
    expect(await other).toBe('done')
    await settled()
    expect(started).toEqual(['runs', 'of another socket'])
    expect(queues.size()).toBe(0)
  })
})
