import { createHash } from 'node:crypto'

/** Kinds of events of a usual day: messages of contacts, to groups, notices of the app state, and lost connections. */
export const loadKinds = ['direct', 'group', 'serverSync', 'reconnect'] as const
export type LoadKind = (typeof loadKinds)[number]

/** Events per account and day. */
export type PerDay = Readonly<Record<LoadKind, number>>

/** An event that is planned: `afterMs` counts from the one before. Account and contact are indexes. */
export type PlannedEvent = {
  readonly afterMs: number
  readonly kind: LoadKind
  readonly account: number
  readonly contact: number
}

/** The load that is on, and its figures. */
export type DailyLoad = {
  readonly stop: AbortController
  readonly accounts: number
  /** Events so far by kind. */
  readonly events: Record<LoadKind, number>
  /** Longest delay of an event behind its plan: above some tens of ms, this process is too busy for the load. */
  maxLatenessMs: number
  /** Events that could not be sent. */
  failures: number
  /** Time from sending a message to the device's receipt, for each that it has decrypted. */
  readonly deliveryMs: number[]
}

const dayMs = 86_400_000

/**
 * Plans the events of all accounts, without an end unless there are none: independent Poisson processes, which together
 * are one. The same seed gives the same plan.
 */
export function* planDay(
  perDay: PerDay,
  { accounts, contacts }: { readonly accounts: number; readonly contacts: number },
  seed: number,
): Generator<PlannedEvent, void> {
  const total = loadKinds.reduce((sum, kind) => sum + perDay[kind], 0)
  if (total * accounts === 0) return
  const random = randomNumbers(seed)
  for (;;) {
    yield {
      afterMs: (-Math.log(1 - random()) * dayMs) / (total * accounts),
      kind: kindAt(perDay, random() * total),
      account: Math.floor(random() * accounts),
      contact: Math.floor(random() * contacts),
    }
  }
}

function kindAt(perDay: PerDay, at: number): LoadKind {
  let left = at
  for (const kind of loadKinds) {
    if (left < perDay[kind]) return kind
    left -= perDay[kind]
  }
  return 'direct'
}

/** Returns a source of numbers from 0 to 1, without 1. */
function randomNumbers(seed: number): () => number {
  let index = 0
  return () => createHash('sha256').update(`${seed} ${index++}`).digest().readUIntBE(0, 6) / 2 ** 48
}
