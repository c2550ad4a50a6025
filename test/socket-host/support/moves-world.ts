/** Hosts that come, leave and fail while companies pair: what they decide about attempts, and when. */
import { expect } from 'vitest'
import type { Attempt, AttemptOutcome } from '#shared/domain/company/attempt.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import type { CompanyStore } from '#shared/ports.ts'
import { pause, type Time } from '../../../socket-host/time.ts'
import type { WhatsApp } from '../../../socket-host/whatsapp/port.ts'
import { cluster, shards } from './cluster.ts'
import { phoneA } from './company-rig.ts'

/** Number of companies. */
export const companies = 8
const maxHosts = 4
/** Short ones: another host takes over while an attempt still has time to begin again. */
const leaseTimes = { renewMs: 1000, staleMs: 3000 }
const settings = { phoneChangePolicy: 'replace' as const, codeLifetimeMs: 150_000 }

/** The end of an attempt, as a host decided it at `at` (epoch ms). */
type End = {
  readonly by: string
  readonly at: number
  readonly attempt: Attempt
  readonly outcome: AttemptOutcome
}

/** Records what hosts decide about attempts. */
function attemptRecord(now: () => number) {
  const shownAt = new Map<string, number>()
  const ends: End[] = []
  const begunAgain: { readonly attemptId: string; readonly owner: string }[] = []
  return {
    shownAt,
    ends,
    begunAgain,
    note(by: string, before: CompanyState, after: CompanyState): void {
      const [was, is] = [before.attempt, after.attempt]
      if (is?.state === 'code-issued' && was?.state === 'connecting') shownAt.set(is.attemptId, now())
      if (is?.state === 'requested' && was?.state === 'connecting')
        begunAgain.push({ attemptId: is.attemptId, owner: was.owner.hostId })
      const outcome = after.lastAttempt
      if (was && outcome?.attemptId === was.attemptId && is?.attemptId !== was.attemptId)
        ends.push({ by, at: now(), attempt: was, outcome })
    },
  }
}

/** Delays of calls, in ms: always the same ones, so that a walk can be repeated. */
function delays(all: readonly number[]): () => number {
  let next = 0
  return () => all[next++ % all.length] ?? 0
}

/** The store as a host sees it: each call takes its time, so that everything else can come in between. */
function slowStore(
  store: CompanyStore & { state(companyId: string): CompanyState },
  time: Time,
  note: (before: CompanyState, after: CompanyState) => void,
): CompanyStore {
  const delay = delays([5, 40, 0, 120, 10, 0, 300, 20])
  return {
    ...store,
    async read(companyId) {
      await pause(time, delay())
      return store.read(companyId)
    },
    async decide(companyId, transition) {
      await pause(time, delay())
      let before = store.state(companyId)
      const decided = await store.decide(companyId, (state, now) => {
        before = state
        return transition(state, now)
      })
      if (decided.changed) note(before, decided.state)
      await pause(time, delay())
      return decided
    },
  }
}

/** A WhatsApp that takes its time for codes; some come just before the deadline. */
function slowCodes(whatsApp: WhatsApp, time: Time): WhatsApp {
  const delay = delays([300, 1500, 100, 11_000, 700])
  return {
    ...whatsApp,
    open(...args) {
      const socket = whatsApp.open(...args)
      const requestCode = async (phone: string) => {
        await pause(time, delay())
        return socket.requestCode(phone)
      }
      return { ...socket, requestCode }
    },
  }
}

type Member = {
  readonly name: string
  readonly host: ReturnType<ReturnType<typeof cluster>['hire']>
  /** Epoch ms of its SIGTERM. */
  drainedAt?: number
  isCut?: true
}

/** Starts a host, and lets it claim all shards. */
export async function movesWorld() {
  const c = cluster()
  const record = attemptRecord(c.clock.now)
  const whatsApp = slowCodes(c.whatsApp, c.clock)
  const staff: Member[] = []
  const leaving: Promise<void>[] = []
  const working = () => staff.filter(({ drainedAt, isCut }) => drainedAt === undefined && !isCut)

  async function hire(): Promise<void> {
    if (working().length >= maxHosts) return
    const name = `h${staff.length + 1}`
    const slow = slowStore(c.companies, c.clock, (before, after) => record.note(name, before, after))
    const host = c.hire(name, leaseTimes, { companies: slow, whatsApp, settings })
    staff.push({ name, host })
    host.start()
    await c.clock.settle()
  }
  /** One of the working hosts. The last one stays, so that no shard is without an owner for long. */
  const some = (index: number) => (working().length > 1 ? working()[index % working().length] : undefined)

  await hire()
  await c.clock.advance(10_000)
  return {
    ...record,
    ...actsOfWhatsApp(c),
    clock: c.clock,
    hire,
    observe: observer(c, (name) => working().some((each) => each.name === name)),
    memberOf: (name: string) => staff.find((each) => each.name === name),
    request: (company: number, phone: string, method: 'code' | 'qr') => c.request(`c${company}`, phone, method),
    reset: (company: number) => c.reset(`c${company}`),
    async drain(index: number) {
      const each = some(index)
      if (!each) return
      each.drainedAt = c.clock.now()
      leaving.push(each.host.drain())
    },
    /**
     * Cuts a host off from the leases: it closes its sockets when its own are over, and others take them. It is one that
     * waits for a code, if there is one.
     */
    async cutOff(index: number) {
      const attempts = Array.from({ length: companies }, (_, company) => c.companies.state(`c${company}`).attempt)
      const [owner] = attempts.flatMap((attempt) => (attempt?.state === 'connecting' ? [attempt.owner.hostId] : []))
      const each = some(index) && (working().find(({ name }) => name === owner) ?? some(index))
      if (!each) return
      each.isCut = true
      each.host.cutOff()
    },
    async dismiss() {
      for (const { host, drainedAt } of staff)
        if (drainedAt === undefined) leaving.push(host.drain(AbortSignal.abort()))
      await c.clock.advance(30_000)
      await Promise.all(leaving)
    },
  }
}

const actsOfWhatsApp = ({ whatsApp, clock }: ReturnType<typeof cluster>) => ({
  /** A phone takes the code: pair-success, and the restart. */
  async link(index: number) {
    const waiting = whatsApp.live('registration').filter(({ codesAskedFor }) => codesAskedFor.length > 0)
    const socket = waiting[index % Math.max(1, waiting.length)]
    socket?.link(phoneA)
    await clock.advance(500)
    socket?.drop('restart')
  },
  async drop(index: number) {
    const open = whatsApp.live('login')
    open[index % Math.max(1, open.length)]?.drop('lost')
  },
})

/** Returns a function that names what has happened to shards since its last call. */
function observer({ leases, lines, whatsApp }: ReturnType<typeof cluster>, isWorking: (name: string) => boolean) {
  const owners = new Map<number, string>()
  return async (): Promise<readonly string[]> => {
    const found = lines.splice(0).some((line) => line.includes('The shard stays')) ? ['stayed for an attempt'] : []
    for (const { shard, ownerId } of await leases.readAll(shards)) {
      const before = owners.get(shard)
      if (ownerId === undefined || ownerId === before) continue
      owners.set(shard, ownerId)
      if (before && isWorking(before) && whatsApp.live('registration').length > 0) found.push('moved beside attempts')
    }
    return found
  }
}

/** Checks that no attempt of a world has ended for a reason that was not allowed; returns what was reached. */
export function checkEnds(world: Awaited<ReturnType<typeof movesWorld>>): readonly string[] {
  const isCut = (name: string) => world.memberOf(name)?.isCut === true
  const inVain = world.begunAgain.filter(({ owner }) => !isCut(owner))
  expect(inVain, 'only an attempt of a host that failed begins again').toEqual([])
  return [
    ...world.begunAgain.map(() => 'begun again'),
    ...world.ends.map(({ by, at, attempt, outcome }) => {
      const code = outcome.failure?.code ?? outcome.state
      const owner = world.memberOf('owner' in attempt ? attempt.owner.hostId : by)
      const shownAt = world.shownAt.get(attempt.attemptId)
      const about = `${attempt.attemptId}, ${attempt.state}: ${code} by ${by} at ${at}, shown at ${shownAt}`
      if (code === 'BUSY') expect(owner?.drainedAt, `${about}: only a host that leaves rejects it`).toBeDefined()
      const hasBegunAgain = world.begunAgain.some(({ attemptId }) => attemptId === attempt.attemptId)
      // One that begins again late has little time left for a code.
      if (!hasBegunAgain) expect(code, `${about}: the code comes in time`).not.toBe('PAIRING_TIMEOUT')
      if (code !== 'HOST_UNAVAILABLE') return code
      if (shownAt === undefined) {
        expect(attempt.deadline - at, `${about}: without a code it begins again if there is time`).toBeLessThan(8000)
        expect(owner?.isCut, `${about}: only a crash ends an attempt without a code`).toBe(true)
      }
      if (owner?.isCut) return 'ended by a crash'
      expect(owner?.drainedAt, `${about}: no move ends an attempt`).toBeDefined()
      expect(at - (shownAt ?? at), `${about}: 90 s on screen`).toBeGreaterThanOrEqual(90_000)
      return 'ended by a deploy'
    }),
  ]
}
