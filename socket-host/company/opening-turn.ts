/** Order in which sockets open: by urgency, then by arrival, within the limits of each urgency. Pure. */

/** Reasons to open a socket, the most urgent first. */
export type Urgency = 'pairing' | 'restart' | 'reconnect'

const urgencies: readonly Urgency[] = ['pairing', 'restart', 'reconnect']

type Opening = { readonly urgency: Urgency }

export type Openings<Entry extends Opening> = {
  /** In order of arrival. */
  readonly waiting: readonly Entry[]
  readonly running: ReadonlySet<Entry>
}

/**
 * Returns the opening that may begin now, or the ms until it may; undefined when none may before another has ended.
 * `concurrent` limits the openings of an urgency together with all more urgent ones; `msToReconnect` is the time until
 * the next background reconnect.
 */
export function nextTurn<Entry extends Opening>(
  { waiting, running }: Openings<Entry>,
  concurrent: Readonly<Record<Urgency, number>>,
  msToReconnect: number,
): Entry | number | undefined {
  const entry = urgencies.flatMap((urgency) => waiting.find((each) => each.urgency === urgency) ?? [])[0]
  if (!entry) return undefined
  const rank = urgencies.indexOf(entry.urgency)
  const ahead = [...running].filter(({ urgency }) => urgencies.indexOf(urgency) <= rank).length
  if (ahead >= concurrent[entry.urgency]) return undefined
  return entry.urgency === 'reconnect' && msToReconnect > 0 ? msToReconnect : entry
}
