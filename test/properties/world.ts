/**
 * One company on real stores, with hosts that crash or linger, and a fake WhatsApp whose rows are in the real store.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { ok } from '#shared/domain/values/result.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { writtenRows } from '#shared/dynamo/company/written-rows.ts'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { partitionKey } from '#shared/dynamo/table.ts'
import type { CredentialStore, DataKeys } from '#shared/ports.ts'
import { createLog } from '#shared/telemetry/log.ts'
import type { CompanyDeps } from '../../socket-host/company/deps.ts'
import { pacing } from '../../socket-host/company/pacing.ts'
import { countReadings } from '../../socket-host/company/readings.ts'
import { createReconciler, type Reconciler } from '../../socket-host/company/reconciler.ts'
import { recovery } from '../../socket-host/company/recovery.ts'
import type { WhatsApp, WhatsAppSocket } from '../../socket-host/whatsapp/port.ts'
import type { Table } from '../contracts/engines/engines.ts'
import { type FakeClock, fakeClock } from '../fakes/fake-clock.ts'
import { type FakeSocket, type FakeWhatsApp, fakeWhatsApp } from '../fakes/fake-whatsapp.ts'
import { memoryDataKeys } from '../fakes/memory-data-keys.ts'
import { memoryFuse } from '../fakes/memory-fuse.ts'
import { recordingCommandQueue } from '../fakes/recording-command-queue.ts'
import { recordingPublisher } from '../fakes/recording-publisher.ts'
import { leaseOf, stayingShard } from '../socket-host/support/company-rig.ts'

export const companyId = 'company'
const encode = (text: string) => new TextEncoder().encode(text)
/** Thirty rows, so that a write of them is journalled. */
export const rowsOf = (writer: string) =>
  ['creds', ...Array.from({ length: 29 }, (_, index) => `key#${index}`)].map((key) => ({ key, bytes: encode(writer) }))

type Host = {
  readonly epoch: number
  readonly reconciler: Reconciler
  readonly sockets: FakeSocket[]
  crash(): void
}

/** Moment at which a host dies while it stores a link. */
type Death = 'before rows' | 'after rows'

/** Descriptions of things that must never happen, recorded where they did. */
type Violations = string[]

export function makeWorld(control: Table, stored: Table) {
  const clock = fakeClock()
  const violations: Violations = []
  let running = 0
  const busy = track((change) => {
    running += change
  })
  const fake = fakeWhatsApp({ now: clock.now, after: clock.after })
  const shredded = new Set<string>()
  const dataKeys = watchedKeys(shredded, violations)
  const newCompanies = (written = writtenRows(clock.monotonic)) =>
    busy(dynamoCompanyStore({ ...control, shards: 1, clock: clock.now, written }))
  const companies = busy(dynamoCompanyStore({ ...control, shards: 1, clock: clock.now }))
  const newCredentials = () => busy(dynamoCredentialStore(stored))
  const hosts: Host[] = []
  let generations = 0
  const { dieStoring, nextDeath } = deaths()

  function hire(): Host {
    const host = makeHost(hosts.length + 1, {
      ...{ fake, clock, dataKeys, nextDeath },
      companies: newCompanies(),
      credentials: newCredentials(),
      newGeneration: () => `g${++generations}`,
    })
    hosts.push(host)
    return host
  }

  const current = (): Host => hosts.at(-1) ?? hire()
  return {
    ...{ clock, fake, companies, hosts, hire, current, violations, shredded, newCredentials },
    state: async () => (await companies.read(companyId)).state,
    /** Makes the next host that stores a link die while it does. */
    dieStoring,
    look: () =>
      current()
        .reconciler.reconcile()
        .catch(() => undefined),
    /** Waits until no call to a store is under way and nothing follows from the last one. */
    async settle() {
      for (let quiet = 0; quiet < 6; ) {
        await nextTurn()
        await clock.settle()
        quiet = running === 0 ? quiet + 1 : 0
      }
    },
    /** Lets time pass, timer by timer, with real calls in between. */
    async pass(ms: number, steps: number) {
      for (let step = 0; step < steps; step++) {
        await clock.advance(ms / steps)
        await this.settle()
      }
    },
    /** Rows of credentials by generation. */
    rows: () => countRows(stored),
  }
}
export type World = ReturnType<typeof makeWorld>

/** Deaths of hosts while they store a link: one for each call of `dieStoring`. */
function deaths() {
  let next: Death | undefined
  return {
    dieStoring: (when: Death) => {
      next = when
    },
    nextDeath: () => {
      const death = next
      next = undefined
      return death
    },
  }
}

type HostDeps = Pick<CompanyDeps, 'companies' | 'credentials' | 'dataKeys' | 'newGeneration'> & {
  readonly fake: FakeWhatsApp
  readonly clock: FakeClock
  readonly nextDeath: () => Death | undefined
}

/** Makes a host that owns the company under its epoch until it crashes. */
function makeHost(epoch: number, { fake, clock, nextDeath, ...stores }: HostDeps): Host {
  const lease = leaseOf(`host-${epoch}`, epoch)
  const sockets: FakeSocket[] = []
  let isDead = false
  const crash = () => {
    isDead = true
    lease.lose()
    for (const socket of sockets) socket.isOpen = false
  }
  const onOpen = (socket: FakeSocket) => void sockets.push(socket)
  const log = createLog('test', { level: 'error', write: () => undefined, clock: clock.now })
  const fuse = memoryFuse(clock.now)
  const deps: CompanyDeps = {
    ...stores,
    commands: recordingCommandQueue(),
    publisher: recordingPublisher(),
    whatsApp: overStore({ fake, store: stores.credentials, nextDeath, crash, onOpen }),
    pacing: pacing({ time: clock, load: () => 0 }),
    // A dead process has no timers.
    time: { ...clock, after: (ms, action) => clock.after(ms, () => !isDead && action()) },
    log,
    settings: { phoneChangePolicy: 'replace', codeLifetimeMs: 50_000 },
    budget: { take: async () => ok([]), coolDown: async () => undefined },
    notePhone: async () => undefined,
    fuse,
    readings: countReadings({ onBlind: () => undefined, onUnreadable: () => undefined }),
    recovery: recovery({ time: clock, fuse, log }),
    random: () => 0.5,
  }
  return { epoch, reconciler: createReconciler(deps, companyId, lease, stayingShard, () => undefined), sockets, crash }
}

type OverStoreDeps = {
  readonly fake: FakeWhatsApp
  readonly store: CredentialStore
  readonly nextDeath: () => Death | undefined
  readonly crash: () => void
  readonly onOpen: (socket: FakeSocket) => void
}

/** Wraps the fake, so that rows are written to and read from the real store. */
function overStore({ fake, store, nextDeath, crash, onOpen }: OverStoreDeps): WhatsApp {
  return {
    ...fake,
    async persist(credentials, target) {
      if (!target.isOwner()) return 'fenced'
      const dying = nextDeath()
      if (dying === 'before rows') crash()
      if (dying) await store.write(target, rowsOf('dying'), target.epoch)
      if (dying) crash()
      if (dying) throw new Error('died')
      const outcome = await store.write(target, rowsOf(`epoch ${target.epoch}`), target.epoch)
      return outcome === 'written' ? fake.persist(credentials, target) : outcome
    },
    async load(target) {
      const found = await store.load(target, 'creds', target.epoch)
      if (found === 'absent') return 'damaged'
      if (found === 'corrupt') return 'unreadable'
      return found === 'fenced' ? found : fake.load(target)
    },
    open(credentials, listener): WhatsAppSocket {
      const socket = fake.open(credentials, listener)
      onOpen(fake.last())
      return socket
    },
  }
}

async function countRows({ client, table }: Table): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  const found = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }))
  for (const item of found.Items ?? []) {
    const generation = String(item[partitionKey]).split('#').at(-1) ?? ''
    counts[generation] = (counts[generation] ?? 0) + 1
  }
  return counts
}

/** Data keys that record a violation when a shredded key is unwrapped: something must have kept it. */
function watchedKeys(shredded: ReadonlySet<string>, violations: Violations): DataKeys {
  const keys = memoryDataKeys()
  return {
    ...keys,
    async unwrap(ref, wrappedKey) {
      if (shredded.has(ref.generation)) violations.push(`${ref.generation} was unwrapped after it was shredded`)
      return keys.unwrap(ref, wrappedKey)
    },
  }
}

/** Counts the calls of a store that are under way. */
const track =
  (count: (change: 1 | -1) => void) =>
  <Store extends object>(store: Store): Store =>
    new Proxy(store, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          count(1)
          try {
            return await Reflect.apply(member, target, args)
          } finally {
            count(-1)
          }
        }
      },
    })
