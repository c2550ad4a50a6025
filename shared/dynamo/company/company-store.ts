/** `CompanyStore` on DynamoDB: each decision is one conditional write on the item `STATE`. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Decision, isEmpty, type Transition } from '#shared/domain/company/company.ts'
import { numbersNeeded } from '#shared/domain/company/sequence.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import type { Clock, CompanyStore, Decided } from '#shared/ports.ts'
import { readLeaseView } from '../fleet/lease-row.ts'
import { addToShardIndex, type ControlTable, companiesOf, removeFromShardIndex } from '../shard-companies.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import {
  type CompanyRow,
  drawNumbers,
  marksKept,
  newMark,
  readAndDraw,
  readRow,
  rowAfter,
  seqOfMark,
  type WriteMark,
  writeState,
} from './company-row.ts'
import type { WrittenRows } from './written-rows.ts'

export type CompanyStoreDeps = ControlTable & {
  /** How many shards there are. */
  readonly shards: number
  readonly clock: Clock
  /** Rows as this process wrote them last, for a writer that decides about a company again and again. */
  readonly written?: WrittenRows
  /** How long, in milliseconds, what has become of a write is asked; a function has no time for more than a moment. */
  readonly patienceMs?: number
}

/** Decisions that collide are tried this often: about two seconds in all. */
const maxTries = 10
const firstPauseMs = 10
const maxPauseMs = 400
const usualPatienceMs = 1_000

export function dynamoCompanyStore(deps: CompanyStoreDeps): CompanyStore {
  return {
    decide: (companyId, transition) => decide(deps, companyId, transition),
    read: async (companyId) => ({ state: (await readRow(deps, companyId)).state }),
    readWithSeq: async (companyId) => {
      const { state, seq } = await readAndDraw(deps, companyId)
      return { state, seq }
    },
    leaseOf: (companyId) => readLeaseView(deps, shardOf(companyId, deps.shards)),
    companiesOf: (shard, page) => companiesOf(deps, shard, page),
  }
}

/** A write of a decision that may have landed, or may land yet. */
type Sent<Outcome> = { readonly decision: Decision<Outcome>; readonly mark: WriteMark }

/**
 * A write that was sent without an answer is looked for, and sent again if it has not landed: one of the two is refused,
 * however late it arrives, for both ask for the same revision. What cannot be found out is thrown.
 */
async function decide<Outcome>(
  deps: CompanyStoreDeps,
  companyId: string,
  transition: Transition<Outcome>,
): Promise<Decided<Outcome>> {
  const patientUntil = performance.now() + (deps.patienceMs ?? usualPatienceMs)
  const remembered = deps.written?.take(companyId)
  let seen = remembered ?? (await readRow(deps, companyId))
  let sent: readonly Sent<Outcome>[] = []
  let unanswered: StoreUnavailable | undefined
  for (let tries = 1; tries <= maxTries; tries++) {
    const isTrusted = tries > 1 || !remembered
    const decision = transition(seen.state, deps.clock())
    const mark = newMark(seen)
    const changed = decision.state !== seen.state
    // What was sent before may land yet: then this would not be true.
    if (unanswered && !changed) throw unanswered
    // A remembered row only saves the read of a decision that is written: nothing else would notice that it is stale.
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
    if (unanswered && performance.now() > patientUntil) throw unanswered
    if (isTrusted) await pauseAfter(tries)
    const found = await (changed ? readPatiently(deps, companyId, patientUntil) : readRow(deps, companyId))
    sent = changed ? [...sent, { decision, mark }] : sent
    for (const { decision, mark } of sent) {
      const landed = seqOfMark(found, mark)
      if (landed !== undefined) return { ...decision, changed: true, lastSeq: landed }
    }
    // So many have written since that the mark may be gone.
    if (unanswered && found.rev > seen.rev + marksKept) throw unanswered
    if (found.rev !== seen.rev) {
      // Whatever was sent asks for a revision that is past: it will never land.
      sent = []
      unanswered = undefined
    }
    seen = found
  }
  throw unanswered ?? new StoreUnavailable('dynamodb', new Error(`${maxTries} decisions in a row collided`))
}

/** Reads what has become of a write, also when DynamoDB is away for a while: only this call knows whom to tell. */
async function readPatiently(deps: CompanyStoreDeps, companyId: string, until: number): Promise<CompanyRow> {
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
 * Makes a decision durable: nothing to write, numbers to draw, or a new state. Returns its last sequence number, or the
 * failure after which nobody knows whether the state was written.
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

/** The decision is made: a failure here only leaves a vacant company on the list until its next decision. */
async function unlist(deps: CompanyStoreDeps, shard: number, companyId: string, rev: number): Promise<void> {
  try {
    await removeFromShardIndex(deps, shard, companyId, rev)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
  }
}

/** Full jitter, so that those who collided do not collide again. */
const pauseAfter = (tries: number) => pause(Math.random() * Math.min(maxPauseMs, firstPauseMs * 2 ** tries))
