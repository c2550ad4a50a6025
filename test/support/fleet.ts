/** Companies on a fleet of hosts, and their view by WhatsApp, for tests in which hosts and services fail. */
import { setTimeout as pause } from 'node:timers/promises'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import type { HostView } from '../../local/hosts/start-hosts.ts'
import { offline, type WhatsAppView, whatsAppView } from './linked-fleet.ts'
import { link, type Phone, type Stage } from './stage.ts'

export type Company = { readonly companyId: string; readonly phone: Phone }
export type SessionBody = {
  readonly session: string
  readonly hostId?: string
  readonly attempt: { readonly state: string } | null
}
/** A second login of a device whose first socket was still open, as the simulated WhatsApp recorded it. */
export type Twin = { readonly phone: string; readonly at: number }

/** Lease times for a fast fail-over: renewed every second, stale after four. */
export const quickLeases = { LEASE_RENEW_MS: '1000', LEASE_STALE_MS: '4000' } as const

const pollMs = 200
const shards = 4

export type Fleet = ReturnType<typeof fleetOf>

export function fleetOf(stage: Stage) {
  const hosts = () => hostsOf(stage)
  const ownerOf = async (companyId: string): Promise<HostView> => {
    const shard = shardOf(companyId, shards)
    const owner = (await hosts()).find((host) => host.shards.includes(shard))
    if (!owner) throw new Error(`nobody owns shard ${shard}`)
    return owner
  }

  /** Returns those of the companies that are on the host's shards. */
  const heldBy = (host: HostView, companies: readonly Company[]): readonly Company[] =>
    companies.filter(({ companyId }) => host.shards.includes(shardOf(companyId, shards)))

  /** Waits until the shards are spread: when hosts start together, the first one owns all shards for some seconds. */
  async function untilSpread(withinMs = 30_000): Promise<void> {
    const until = performance.now() + withinMs
    while (!isSpread(await hosts())) {
      if (performance.now() > until) throw new Error('the shards were not shared out')
      await pause(pollMs)
    }
  }

  /** Returns a new company on one of the host's shards. */
  function freshOn(host: HostView): Company {
    for (;;) {
      const company = stage.fresh()
      if (heldBy(host, [company]).length > 0) return company
    }
  }

  async function linkSome(count: number): Promise<readonly Company[]> {
    const companies = Array.from({ length: count }, () => stage.fresh())
    await Promise.all(companies.map(async ({ companyId, phone }) => (await link(stage, companyId, phone)).close()))
    return companies
  }

  const simulator = () => whatsAppView(stage.run)

  return {
    hosts,
    session: (companyId: string) => sessionOf(stage, companyId),
    ownerOf,
    heldBy,
    untilConnected: (companies: readonly Company[], withinMs: number, butOn?: string) =>
      untilConnected(stage, companies, withinMs, butOn),
    untilSpread,
    freshOn,
    linkSome,
    simulator,
    twins: async (): Promise<readonly Twin[]> => twinsIn(await simulator()),
  }
}

/** Lists the hosts, and tries again while the table with the leases is down or does not answer. */
async function hostsOf(stage: Stage): Promise<readonly HostView[]> {
  for (;;) {
    const answer = await Promise.race([stage.run.hosts().catch(() => undefined), pause(2000)])
    if (answer) return answer
    await pause(pollMs)
  }
}

async function sessionOf(stage: Stage, companyId: string): Promise<SessionBody> {
  const { body } = await stage.http('GET', `/api/whatsapp/sessions/${companyId}`, { role: 'admin' })
  return body as unknown as SessionBody
}

/**
 * Resolves with the elapsed ms when all companies are connected; rejects with the names of those that are not in
 * time.
 */
async function untilConnected(
  stage: Stage,
  companies: readonly Company[],
  withinMs: number,
  butOn?: string,
): Promise<number> {
  const startedAt = performance.now()
  let waiting = companies
  for (;;) {
    const isOverdue = performance.now() - startedAt > withinMs
    const missing = await offline(
      stage.run,
      waiting.map(({ phone }) => phone.number),
    )
    // Asks functions only once WhatsApp sees every device: one such request costs as much CPU as a session in a minute.
    if (missing.length === 0 || isOverdue) {
      const left = await notConnected(stage, waiting, butOn)
      if (left.length === 0) return performance.now() - startedAt
      if (isOverdue) {
        const names = left.map(({ company, session, hostId }) => `${company.companyId} ${session} ${hostId ?? ''}`)
        throw new Error(`not connected within ${withinMs} ms: ${names.join(', ')}`)
      }
      waiting = left.map(({ company }) => company)
    }
    await pause(pollMs)
  }
}

/** Returns those of the companies whose sessions are not connected, or are on the host `butOn`. */
async function notConnected(stage: Stage, companies: readonly Company[], butOn: string | undefined) {
  const sessions = await Promise.all(
    companies.map(async (company) => ({ company, ...(await sessionOf(stage, company.companyId)) })),
  )
  return sessions.filter(({ session, hostId }) => session !== 'connected' || hostId === butOn)
}

const twinsIn = ({ violations }: WhatsAppView): readonly Twin[] =>
  violations.latest
    .filter(({ kind }) => kind === 'device-online-twice')
    .map(({ phone = '', at }) => ({ phone, at: Date.parse(at) }))

/** True when the numbers of shards differ by less than two: then no host requests another shard. */
const isSpread = (hosts: readonly HostView[]): boolean => {
  const counts = hosts.map((host) => host.shards.length)
  return counts.reduce((sum, count) => sum + count, 0) === shards && Math.max(...counts) - Math.min(...counts) < 2
}

export function signal(host: HostView, name: NodeJS.Signals): void {
  if (host.pid === undefined) throw new Error(`${host.hostId} has no process`)
  process.kill(host.pid, name)
}
