/**
 * `Fuse` on DynamoDB: one item per reason, changed by compare-and-set, so that it outlives deployments and restarts (R46).
 */
import { setTimeout as pause } from 'node:timers/promises'
import * as v from 'valibot'
import { serialQueue } from '#shared/async/serial-queue.ts'
import {
  closeFuse,
  type FuseReason,
  type FuseState,
  type FuseWindow,
  fuseReasons,
  isOpen,
  newFuse,
  resetFuse,
  takePlace,
} from '#shared/domain/fleet/fuse.ts'
import type { Clock, Fuse, FuseOpenings } from '#shared/ports.ts'
import { putAtRevision } from '../conditional.ts'
import { Contention } from '../contention.ts'
import { count, getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { partitionKey, sortKey } from '../table.ts'

export type FuseStoreDeps = ControlTable & {
  readonly clock: Clock
  readonly windows: readonly FuseWindow[]
  /** Returns the number of sessions that the fleet holds. */
  readonly held: () => Promise<number>
  /** Called when a link could not take a place: the link is kept, and an operator must look. */
  readonly onRefused: (refused: {
    readonly companyId: string
    readonly reason: FuseReason
    readonly error?: unknown
  }) => void
}

/** Fields that only a newer build knows stay in the item (R49a). */
const Row = v.looseObject({
  /** Counts the changes: a write requires the one that it has read. */
  rev: count,
  places: v.array(v.looseObject({ companyId: v.string(), at: v.number() })),
  opening: v.optional(v.looseObject({ since: v.number(), until: v.optional(v.number()) })),
})

const maxTries = 20
/** Longest pause between two tries in ms; hosts must not meet again at the next one. */
const maxPauseMs = 200
const keyOf = (reason: FuseReason) => ({ [partitionKey]: 'FUSE', [sortKey]: reason })

export function dynamoFuse(deps: FuseStoreDeps): Fuse {
  // One call at a time: hundreds of refusals in a moment would only make each other's writes fail.
  const inTurn = serialQueue()

  async function takeOne(companyId: string, reason: FuseReason): Promise<boolean> {
    // The usual answer in a wave costs one read.
    if (isOpen((await read(deps, reason)).opening)) return false
    const held = await deps.held()
    return change(deps, reason, (fuse) => {
      const taken = takePlace(fuse, companyId, held, deps.clock(), deps.windows)
      return { next: taken.fuse, result: taken.isGranted }
    })
  }

  return {
    async takePlace(companyId, reason) {
      try {
        const isGranted = await inTurn(() => takeOne(companyId, reason))
        if (!isGranted) deps.onRefused({ companyId, reason })
        return isGranted
      } catch (error) {
        deps.onRefused({ companyId, reason, error })
        return false
      }
    },
    ...fuseAdministration(deps),
  }
}

/** The fuse as functions use it: none of them retires a link, so that none takes a place. */
export const fuseAdministration = (deps: ControlTable & Pick<FuseStoreDeps, 'clock'>): Omit<Fuse, 'takePlace'> => {
  const changed = (reason: FuseReason, rule: typeof closeFuse) =>
    change(deps, reason, (fuse) => ({ next: rule(fuse, deps.clock()), result: undefined }))
  return {
    async openings() {
      const each = await Promise.all(
        fuseReasons.map(async (reason) => [reason, (await read(deps, reason)).opening] as const),
      )
      return Object.fromEntries(each.filter(([, opening]) => opening)) as FuseOpenings
    },
    close: (reason) => changed(reason, closeFuse),
    reset: async () => void (await Promise.all(fuseReasons.map((reason) => changed(reason, resetFuse)))),
  }
}

async function read(control: ControlTable, reason: FuseReason): Promise<FuseState & { readonly rev: number }> {
  const item = await getItem(control, keyOf(reason))
  return item ? (v.parse(Row, item) as FuseState & { rev: number }) : { ...newFuse, rev: 0 }
}

async function change<Result>(
  control: ControlTable,
  reason: FuseReason,
  decide: (fuse: FuseState) => { readonly next: FuseState; readonly result: Result },
): Promise<Result> {
  for (let tries = 0; tries < maxTries; tries++) {
    const fuse = await read(control, reason)
    const { next, result } = decide(fuse)
    if (
      next === fuse ||
      (await putAtRevision(control, { ...fuse, ...next, ...keyOf(reason), rev: fuse.rev + 1 }, fuse.rev))
    )
      return result
    await pause(Math.random() * maxPauseMs)
  }
  throw new Contention('the fuse', maxTries)
}
