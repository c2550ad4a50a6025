/** Hosts with fake stores and a fake WhatsApp: what they share, and how a test plays them. */
import { expect } from 'vitest'
import { hostDefaults } from '#shared/config/settings.ts'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { pacing } from '../../../socket-host/company/pacing.ts'
import { recovery } from '../../../socket-host/company/recovery.ts'
import type { CommandInbox } from '../../../socket-host/fleet/command-loop.ts'
import { type HostDeps, socketHost } from '../../../socket-host/fleet/host.ts'
import { aborted } from '../../../socket-host/time.ts'
import { type MemoryLeaseStore, memoryLeaseStore } from '../../fakes/memory-lease-store.ts'
import { phoneA, rigDeps } from './company-rig.ts'
import { type CallFate, smooth, troubledLeases } from './troubled-leases.ts'

const drainMs = hostDefaults.drainSeconds * 1000
/** Number of shards of a cluster. */
export const shards = 4
export const companies = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']
/** Companies of one shard. */
export const neighbours = Array.from({ length: 200 }, (_, n) => `n${n}`).filter((id) => shardOf(id, shards) === 0)

/** Queues of commands. A host waits without polling: hours of virtual time would be millions of polls. */
function waitingInbox() {
  const queues = new Map<number, string[]>()
  let arrival = Promise.withResolvers<void>()
  const inbox: CommandInbox = {
    async receive(shard, signal) {
      while (!queues.get(shard)?.length) {
        await Promise.race([arrival.promise, aborted(signal)])
        signal.throwIfAborted()
      }
      return (queues.get(shard)?.splice(0) ?? []).map((body) => ({ body, receipt: body }))
    },
    delete: async () => undefined,
  }
  const put = (shard: number, body: string) => {
    queues.set(shard, [...(queues.get(shard) ?? []), body])
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  return { inbox, put }
}

/**
 * Makes hosts. `build` replaces dependencies of a host, as another build would have others.
 */
function employer({ deps, fuse, clock }: ReturnType<typeof rigDeps>, leases: MemoryLeaseStore, inbox: CommandInbox) {
  return (hostId: string, more: Partial<HostDeps['host']> = {}, build: Partial<HostDeps> = {}) => {
    const host = { hostId, version: 'test', shards, renewMs: 3000, staleMs: 10_000, drainMs, ...more }
    let fate: CallFate['fate'] = 'ok'
    const view = troubledLeases(
      leases,
      async () => undefined,
      (): CallFate => ({ ...smooth, fate }),
    )
    const own = {
      pacing: pacing({ time: clock, load: () => 0 }),
      recovery: recovery({ time: clock, fuse, log: deps.log }),
    }
    const made = socketHost({ ...deps, inbox, leases: view, host, onUnreadable: () => undefined, ...own, ...build })
    const cutOff = () => {
      fate = 'fails'
    }
    return { ...made, cutOff }
  }
}

/** Hosts that share tables, queues and WhatsApp. */
export function cluster() {
  const parts = rigDeps({ shards })
  const { clock, whatsApp } = parts
  const leases = memoryLeaseStore()
  const { inbox, put } = waitingInbox()
  const hire = employer(parts, leases, inbox)
  let serial = 0
  const command = async (companyId: string, correlationId: string) => {
    const shard = shardOf(companyId, shards)
    const body = JSON.stringify({ companyId, correlationId, fence: 1 })
    put(shard, body)
    await clock.advance(100)
  }
  return {
    ...parts,
    leases,
    hire,
    /** Starts a host and lets it claim the free leases. */
    async employ(...args: Parameters<typeof hire>) {
      const host = hire(...args)
      host.start()
      await clock.settle()
      return host
    },
    async reset(companyId: string) {
      await parts.companies.decide(companyId, (state, now) => resetCredentials(state, [], now))
      await command(companyId, 'reset')
    },
    async request(companyId: string, phone = phoneA, method: 'code' | 'qr' = 'code') {
      const attemptId = `a${++serial}`
      const deadline = clock.now() + 20_000
      await parts.companies.decide(companyId, (state, now) =>
        requestPairing(state, { attemptId, method, phone, correlationId: attemptId, deadline }, now),
      )
      await command(companyId, attemptId)
    },
    async link(companyId: string) {
      await this.request(companyId)
      whatsApp.live('registration')[0]?.link(phoneA)
      await clock.settle()
      whatsApp.live('registration')[0]?.drop('restart')
      await clock.settle()
      expect(parts.companies.state(companyId).session?.status).toBe('connected')
    },
    async linkAll() {
      for (const company of companies) await this.link(company)
    },
  }
}
