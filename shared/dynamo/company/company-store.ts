/**
 * `CompanyStore` on DynamoDB: each decision is one conditional write on the item `STATE` (`company-row.ts`). A company
 * that is not empty is also in the list of its shard (`shard-companies.ts`).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Decision, isEmpty, type Transition } from '#shared/domain/company/company.ts'
import { ForeignState } from '#shared/domain/company/foreign-state.ts'
import { numbersNeeded } from '#shared/domain/company/sequence.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import type { Clock, CompanyStore, Decided } from '#shared/ports.ts'
import { Contention } from '../contention.ts'
import { readLeaseView } from '../fleet/lease-row.ts'
import { addToShardIndex, type ControlTable, companiesOf, removeFromShardIndex } from '../shard-companies.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import {
  type CompanyRow,
  drawNumbers,
  keptMarks,
  newWriteMark,
  readAndDraw,
  readRow,
  rowAfter,
  seqOfWrite,
  type WriteMark,
  writeState,
} from './company-row.ts'
import type { WrittenRows } from './written-rows.ts'

export type CompanyStoreDeps = ControlTable & {
  /** Number of shards of the stage. */
  readonly shards: number
  readonly clock: Clock
  /** Rows as this process read or wrote them last; saves reads to a host, which makes many decisions about one company. */
  readonly written?: WrittenRows
  /** Milliseconds for finding out whether a write without an answer succeeded; 1 s by default, since a client waits. */
  readonly resolveTimeoutMs?: number
}

/** Limit of the tries of a decision that collides with others: about two seconds in all. */
const maxTries = 10
const firstPauseMs = 10
const maxPauseMs = 400
const defaultResolveTimeoutMs = 1_000

export function dynamoCompanyStore(deps: CompanyStoreDeps): CompanyStore {
  return {
    decide: (companyId, transition) => decide(deps, companyId, transition),
    read: async (companyId) => {
      const row = await readRow(deps, companyId)
      deps.written?.keep(companyId, row)
      return { state: row.state }
    },
    readWithSeq: async (companyId) => {
      const { state, seq } = await readAndDraw(deps, companyId)
      return { state, seq }
    },
    leaseOf: (companyId) => readLeaseView(deps, shardOf(companyId, deps.shards)),
    companiesOf: (shard, page) => companiesOf(deps, shard, page),
  }
}

/** A write that was sent and refused or not answered: it may have succeeded, or may still succeed. */
type Sent<Outcome> = { readonly decision: Decision<Outcome>; readonly mark: WriteMark }

/**
 * Decides until a decision is written. A write that got no answer is looked for by its mark, and sent again if it has
 * not succeeded. Only one of the two can succeed, however late the other arrives: both require the same revision.
 * Throws when it cannot find out whether a write succeeded, `Contention` when all tries collided, and `ForeignState` for a
 * state of another build.
 */
async function decide<Outcome>(
  deps: CompanyStoreDeps,
  companyId: string,
  transition: Transition<Outcome>,
): Promise<Decided<Outcome>> {
  const giveUpAt = performance.now() + (deps.resolveTimeoutMs ?? defaultResolveTimeoutMs)
  const remembered = deps.written?.take(companyId)
  let seen = remembered ?? (await readRow(deps, companyId))
  let sent: readonly Sent<Outcome>[] = []
  let unanswered: StoreUnavailable | undefined
  for (let tries = 1; tries <= maxTries; tries++) {
    if (seen.state.foreign) throw new ForeignState(companyId)
    const isTrusted = tries > 1 || !remembered
    const decision = transition(seen.state, deps.clock())
    const mark = newWriteMark(seen)
    const changed = decision.state !== seen.state
    // An earlier write may still succeed: then it would be wrong to report that nothing changed.
    if (unanswered && !changed) throw unanswered
    // A remembered row may be stale. The condition of a write finds that out; a decision without a write must read.
    const seq = changed || isTrusted ? await write(deps, companyId, seen, decision, mark) : 'refused'
    if (typeof seq === 'number') {
      if (changed)
        deps.written?.keep(
          companyId,
          rowAfter(seen, { shard: shardOf(companyId, deps.shards), state: decision.state, seq, mark }),
        )
      return { ...decision, changed, lastSeq: seq }
    }
    if (seq !== 'refused') unanswered = seq
    if (unanswered && performance.now() > giveUpAt) throw unanswered
    if (isTrusted) await pauseAfter(tries)
    const found = await (changed ? readWithRetries(deps, companyId, giveUpAt) : readRow(deps, companyId))
    sent = changed ? [...sent, { decision, mark }] : sent
    for (const { decision, mark } of sent) {
      const seqFound = seqOfWrite(found, mark)
      if (seqFound !== undefined) return { ...decision, changed: true, lastSeq: seqFound }
    }
    // After so many other writes the item no longer keeps the mark: nobody can tell whether the write succeeded.
    if (unanswered && found.rev > seen.rev + keptMarks) throw unanswered
    if (found.rev !== seen.rev) {
      // All writes that were sent require an earlier revision: they can no longer succeed.
      sent = []
      unanswered = undefined
    }
    seen = found
  }
  throw unanswered ?? new Contention('the state of a company', maxTries)
}

/** Reads the row, and waits while DynamoDB is unavailable: no other call can find out whether the write succeeded. */
async function readWithRetries(deps: CompanyStoreDeps, companyId: string, until: number): Promise<CompanyRow> {
  for (let tries = 1; ; tries++) {
    try {
      return await readRow(deps, companyId)
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || performance.now() > until) throw error
      await pauseAfter(tries)
    }
  }
}

/**
 * Makes a decision durable: writes a new state, or draws the numbers of its notices, or does nothing. Returns the last
 * sequence number, `refused`, or the failure after which nobody knows whether the state was written.
 */
async function write(
  deps: CompanyStoreDeps,
  companyId: string,
  seen: CompanyRow,
  { state, notices }: Decision<unknown>,
  mark: WriteMark,
): Promise<number | 'refused' | StoreUnavailable> {
  const numbers = numbersNeeded(notices)
  if (state === seen.state) return numbers === 0 ? seen.seq : drawNumbers(deps, companyId, seen, numbers)
  const shard = shardOf(companyId, deps.shards)
  const isListed = !isEmpty(seen.state) && seen.shard === shard
  if (!isEmpty(state) && !isListed) await addToShardIndex(deps, shard, companyId, seen.rev)
  const seq = await writeState(deps, companyId, seen, { shard, state, numbers, mark }).catch(asUnanswered)
  if (isEmpty(state) && typeof seq === 'number') await unlist(deps, shard, companyId, seen.rev + 1)
  return seq
}

function asUnanswered(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error
  throw error
}

/** Removes an empty company from its shard's list. A failure is ignored: the company just stays listed. */
async function unlist(deps: CompanyStoreDeps, shard: number, companyId: string, rev: number): Promise<void> {
  try {
    await removeFromShardIndex(deps, shard, companyId, rev)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
  }
}

/** Waits with full jitter, so that writers that have collided do not collide again. */
const pauseAfter = (tries: number) => pause(Math.random() * Math.min(maxPauseMs, firstPauseMs * 2 ** tries))
