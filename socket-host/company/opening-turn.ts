/** Order in which sockets open. Pure. */
import { type Places, shareOf, type Urgency } from './opening-places.ts'

const urgencies: readonly Urgency[] = ['pairing', 'restart', 'unlink', 'reconnect']

/** A restart that has waited this long goes ahead of pairings: its owner has typed the code, and has 60 s. */
const restartAgesMs = 5_000

type Opening = { readonly urgency: Urgency; readonly enteredAt: number }

export type Openings<Entry extends Opening> = {
  /** In order of arrival. */
  readonly waiting: readonly Entry[]
  readonly running: ReadonlySet<Entry>
  /** They have lost their places and still run. */
  readonly overdue: ReadonlySet<Entry>
}

/**
 * Returns the opening that may begin now, if any. Each urgency always has its own share of the places, even when others
 * have taken them: these get none until there are fewer openings than places. Places that are left go to restarts that
 * have waited for long, then to the most urgent. Reconnects beyond their share take no place from the others, and none
 * begins while an owner's link waits, nor while `forReconnects` run, those that have lost their places included. On a busy
 * loop they get no more than their share while an owner's link opens, also one that has lost its place, or he would wait
 * behind all of them.
 */
export function nextTurn<Entry extends Opening>(
  { waiting, running, overdue }: Openings<Entry>,
  { places, forReconnects, isBusy }: Places,
  now: number,
): Entry | undefined {
  const first = (urgency: Urgency) => waiting.find((each) => each.urgency === urgency)
  const share = (urgency: Urgency) => shareOf(urgency, places)
  const own = urgencies
    .filter((urgency) => countOf(running, urgency) < share(urgency))
    .map(first)
    .find(Boolean)
  if (own) return own
  if (placesTaken(running, places) < places) {
    const restart = first('restart')
    if (restart && now - restart.enteredAt >= restartAgesMs) return restart
    const urgent = first('pairing') ?? restart ?? first('unlink')
    if (urgent) return urgent
  }
  if (first('pairing') || first('restart')) return undefined
  const open = [...running, ...overdue]
  const isOwnerOpening = countOf(open, 'pairing') + countOf(open, 'restart') > 0
  return countOf(open, 'reconnect') < forReconnects && !(isBusy && isOwnerOpening) ? first('reconnect') : undefined
}

/** Returns the places that the openings have taken; of the reconnects, only those within their share count. */
export function placesTaken(running: Iterable<{ readonly urgency: Urgency }>, places: number): number {
  const all = [...running]
  const reconnects = countOf(all, 'reconnect')
  return all.length - reconnects + Math.min(reconnects, shareOf('reconnect', places))
}

/** Returns the number of openings of an urgency. */
export const countOf = (openings: Iterable<{ readonly urgency: Urgency }>, urgency: Urgency): number =>
  [...openings].filter((each) => each.urgency === urgency).length
