/** The reconciler of one company, with fakes for everything around it. */
import { cancelPairing, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { ok } from '#shared/domain/values/result.ts'
import { createLog } from '#shared/telemetry/log.ts'
import type { CompanyDeps, OwnedLease } from '../../../socket-host/company/deps.ts'
import { pacing } from '../../../socket-host/company/pacing.ts'
import { phoneNoteWriter } from '../../../socket-host/company/phone-notes.ts'
import { countReadings } from '../../../socket-host/company/readings.ts'
import { createReconciler, type Reconciler, type ShardView } from '../../../socket-host/company/reconciler.ts'
import { recovery } from '../../../socket-host/company/recovery.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'
import { type FakeWhatsAppOptions, fakeWhatsApp } from '../../fakes/fake-whatsapp.ts'
import { memoryCompanyStore } from '../../fakes/memory-company-store.ts'
import { memoryCredentialStore } from '../../fakes/memory-credential-store.ts'
import { memoryDataKeys } from '../../fakes/memory-data-keys.ts'
import { memoryFuse } from '../../fakes/memory-fuse.ts'
import { memoryPhoneLinks } from '../../fakes/memory-phone-links.ts'
import { recordingCommandQueue } from '../../fakes/recording-command-queue.ts'
import { recordingPublisher } from '../../fakes/recording-publisher.ts'

export const companyId = 'c1'
/** Key of the hashes of phones. */
export const hashSecret = 'a secret for hashing phones'
export const phoneA = '79001234567'
export const phoneB = '79161234567'

export type RigOptions = FakeWhatsAppOptions & Partial<CompanyDeps['settings']> & { readonly shards?: number }

/** The fakes, as the dependencies of reconcilers. */
export function rigDeps(options: RigOptions = {}) {
  const clock = fakeClock()
  const companies = memoryCompanyStore(clock.now, options.shards ?? 1)
  const whatsApp = fakeWhatsApp({ now: clock.now, after: clock.after, ...options })
  const lines: string[] = []
  const swept: string[] = []
  const commands = recordingCommandQueue()
  const publisher = recordingPublisher()
  const coolDowns: { phone: string; until: number }[] = []
  /** Codes charged to the budget by the host: for requests that were free at first (R24). */
  const taken: { companyId: string; phone: string | undefined }[] = []
  let generations = 0
  const log = createLog('test', { level: 'debug', write: (line) => lines.push(line), clock: clock.now })
  const fuse = memoryFuse(clock.now)
  const links = memoryPhoneLinks()
  const deps: CompanyDeps = {
    companies,
    whatsApp,
    credentials: {
      ...memoryCredentialStore(),
      // The fake WhatsApp has what is stored.
      sweep: async ({ companyId, generation }) => {
        swept.push(generation)
        return whatsApp.stored.delete(`${companyId}/${generation}`) ? 1 : 0
      },
    },
    dataKeys: memoryDataKeys(),
    commands,
    publisher,
    pacing: pacing({ time: clock, load: () => 0 }),
    time: clock,
    log,
    settings: { phoneChangePolicy: options.phoneChangePolicy ?? 'replace', codeLifetimeMs: 50_000 },
    budget: {
      take: async (companyId, phone) => {
        taken.push({ companyId, phone })
        return ok([])
      },
      coolDown: async (phone, until) => {
        coolDowns.push({ phone, until })
      },
    },
    notePhone: phoneNoteWriter(links, async () => hashSecret),
    fuse,
    readings: countReadings({ onBlind: () => undefined, onUnreadable: () => undefined }),
    recovery: recovery({ time: clock, fuse, log }),
    newGeneration: () => `g${++generations}`,
    random: () => 0.5,
  }
  return { deps, clock, fuse, links, companies, whatsApp, lines, swept, commands, publisher, coolDowns, taken }
}

/** A lease that a test can take away. */
export function leaseOf(hostId: string, epoch: number): OwnedLease & { lose(): void } {
  let isOwner = true
  return {
    hostId,
    epoch,
    isOwner: () => isOwner,
    lose: () => {
      isOwner = false
    },
  }
}

/** The view on a shard that no hand-over is planned for. */
export const stayingShard: ShardView = {
  held: () => undefined,
  handOverAt: () => Number.POSITIVE_INFINITY,
  leavesAt: () => 0,
}

/** Hosts of the company, one after the other, and what they have written. */
function hostsOfCompany(options: RigOptions) {
  const parts = rigDeps(options)
  const { deps, clock, companies } = parts
  let idle = 0
  let handOverAt = Number.POSITIVE_INFINITY
  const hire = (epoch: number, hostId = `host-${epoch}`) => {
    const lease = leaseOf(hostId, epoch)
    return {
      lease,
      reconciler: createReconciler(
        deps,
        companyId,
        lease,
        { ...stayingShard, handOverAt: () => handOverAt },
        () => idle++,
      ),
    }
  }
  const first = hire(1)
  let reconciler: Reconciler = first.reconciler

  return {
    ...parts,
    reconciler,
    lease: first.lease,
    /** Makes another host take over; commands go to it from now on. */
    takeOver(epoch: number) {
      const next = hire(epoch)
      reconciler = next.reconciler
      return next
    },
    /** Plans the hand-over for that time (epoch ms); its shard has nothing to wait for. */
    planHandOver(at: number) {
      handOverAt = at
    },
    /** Number of times that a reconciler has reported that it has nothing left to do. */
    idle: () => idle,
    state: (): CompanyState => companies.state(companyId),
    /** Events that clients were sent, in order. */
    events: () => companies.notices.map(({ notice }) => notice.event),
    eventNames: () => companies.notices.map(({ notice }) => notice.event.event),
    async look() {
      await reconciler.reconcile()
      await clock.settle()
    },
  }
}

/** The reconciler of a company, with what its clients and its owner's phone do. */
export function companyRig(options: RigOptions = {}) {
  const hosts = hostsOfCompany(options)
  const { clock, companies, whatsApp, look } = hosts
  let serial = 0

  return {
    ...hosts,
    /** Requests a pairing as the Lambda does: takes the mutex and sends a command. */
    async request(phone: string | undefined = phoneA, method: 'code' | 'qr' = 'code') {
      const request = ++serial
      await companies.decide(companyId, (state, now) =>
        requestPairing(state, requestOf(request, phone, method, now), now),
      )
      await look()
      return `a${request}`
    },
    async cancel() {
      await companies.decide(companyId, (state, now) => cancelPairing(state, [], now))
      await look()
    },
    async reset() {
      const waiting = [{ connectionId: 'conn', requestId: 'reset' }]
      await companies.decide(companyId, (state, now) => resetCredentials(state, waiting, now))
      await look()
    },
    /** Links a phone by hand, for a fake WhatsApp that sends no events by itself. */
    async linkedByHand(phone = phoneA) {
      await this.request(phone)
      whatsApp.last().link(phone)
      await clock.settle()
      whatsApp.last().drop('restart')
      await clock.settle()
      whatsApp.last().opened()
      await clock.settle()
    },
    /** Links a phone and opens its session. */
    async linked(phone = phoneA) {
      await this.request(phone)
      whatsApp.last().link(phone)
      await clock.settle()
      whatsApp.live('registration')[0]?.drop('restart')
      await clock.settle()
      if (companies.state(companyId).session?.status !== 'connected') throw new Error('Not linked')
      companies.notices.length = 0
      whatsApp.journal.length = 0
    },
  }
}

/** The request number `serial` of a client. */
const requestOf = (serial: number, phone: string | undefined, method: 'code' | 'qr', now: number) => ({
  attemptId: `a${serial}`,
  method,
  ...(phone && { phone }),
  correlationId: `corr-${serial}`,
  deadline: now + 20_000,
  waiting: { connectionId: 'conn', requestId: `r${serial}` },
})
