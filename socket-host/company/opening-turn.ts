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
}

/**
 * Returns the opening that may begin now, if any. Each urgency always has its own share of the places, even when others
 * have taken them: these get none until there are fewer openings than places. Places that are left go to restarts that
 * have waited for long, then to the most urgent; reconnects get `forReconnects` places in all, or an owner who comes then
 * would wait for his code behind all of them.
 */
export function nextTurn<Entry extends Opening>(
  { waiting, running }: Openings<Entry>,
  { places, forReconnects }: Places,
  now: number,
): Entry | undefined {
  const first = (urgency: Urgency) => waiting.find((each) => each.urgency === urgency)
  const isBelowShare = (urgency: Urgency) => countOf(running, urgency) < shareOf(urgency, places)
  const own = urgencies.filter(isBelowShare).map(first).find(Boolean)
  if (own || running.size >= places) return own
  const restart = first('restart')
  if (restart && now - restart.enteredAt >= restartAgesMs) return restart
  const areReconnectsMany = countOf(running, 'reconnect') >= forReconnects
  return urgencies
    .filter((urgency) => urgency !== 'reconnect' || !areReconnectsMany)
    .map(first)
    .find(Boolean)
}

/** Returns the number of openings of an urgency. */
export const countOf = (openings: Iterable<{ readonly urgency: Urgency }>, urgency: Urgency): number =>
  [...openings].filter((each) => each.urgency === urgency).length
