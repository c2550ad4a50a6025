import { expect, test } from 'vitest'
import { nextTurn, type Urgency } from '../../../socket-host/company/opening-turn.ts'

const concurrent = { pairing: 3, restart: 2, reconnect: 1 }
const pairing = 'pairing'
const restart = 'restart'
const reconnect = 'reconnect'

/** Makes an opening of each urgency, named by its place. */
const openings = (urgencies: readonly Urgency[]) => urgencies.map((urgency, place) => ({ urgency, place }))

test.each<[string, readonly Urgency[], readonly Urgency[], number, number | object | undefined]>([
  ['nothing begins when nothing waits', [], [], 0, undefined],
  ['the most urgent begins first', [reconnect, restart, pairing], [], 0, { urgency: pairing, place: 2 }],
  ['of one urgency, the first to come begins first', [restart, restart], [], 0, { urgency: restart, place: 0 }],
  [
    'a pairing begins beside less urgent ones, however many',
    [pairing],
    [restart, restart, reconnect],
    0,
    { urgency: pairing, place: 0 },
  ],
  ['a pairing waits for its limit', [pairing], [pairing, pairing, pairing], 0, undefined],
  ['more urgent ones count against the limit of a restart', [restart], [pairing, restart], 0, undefined],
  [
    'a less urgent one does not begin instead of one that waits',
    [restart, reconnect],
    [pairing, pairing],
    0,
    undefined,
  ],
  ['a reconnect begins when its time has come', [reconnect], [], 0, { urgency: reconnect, place: 0 }],
  ['a reconnect that is not due says when', [reconnect], [], 150, 150],
  ['a restart does not wait for the time of reconnects', [restart], [], 150, { urgency: restart, place: 0 }],
  ['a reconnect waits for others rather than for its time', [reconnect], [pairing], 150, undefined],
])('%s', (_fact, waiting, running, msToReconnect, turn) => {
  const state = { waiting: openings(waiting), running: new Set(openings(running)) }
  expect(nextTurn(state, concurrent, msToReconnect)).toEqual(turn)
})
