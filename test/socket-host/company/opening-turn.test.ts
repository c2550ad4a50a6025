import { expect, test } from 'vitest'
import { adaptedPlaces, shareOf, type Urgency } from '../../../socket-host/company/opening-places.ts'
import { nextTurn, type Openings } from '../../../socket-host/company/opening-turn.ts'

const pairing = 'pairing'
const restart = 'restart'
const reconnect = 'reconnect'
/** Of eight places, four are sure for pairings, and two each for the others. */
const places = 8
const now = 100_000

const times = (count: number, of: Urgency): readonly Urgency[] => Array(count).fill(of)
const openings = (urgencies: readonly Urgency[], enteredAt: number) =>
  urgencies.map((urgency, place) => ({ urgency, place, enteredAt }))

type Opening = ReturnType<typeof openings>[number]
const idle: Openings<Opening> = { waiting: [], running: new Set(), overdue: new Set() }

test.each<[string, readonly Urgency[], readonly Urgency[], number, number | undefined]>([
  ['nothing begins when nothing waits', [], [], now, undefined],
  ['the most urgent begins first', [reconnect, restart, pairing], [], now, 2],
  ['of one urgency, the first to come begins first', [restart, restart], [], now, 0],
  ['pairings may have all places', [pairing], times(7, pairing), now, 0],
  ['and no more than all', [pairing], times(8, pairing), now, undefined],
  ['reconnects may have all places', [reconnect], times(7, reconnect), now, 0],
  ['a restart has its share beside them', [restart], [...times(8, pairing), restart], now, 0],
  ['and no more than its share', [restart], [...times(6, pairing), ...times(2, restart)], now, undefined],
  ['a reconnect has its share beside them', [pairing, reconnect], [...times(7, pairing), reconnect], now, 1],
  ['a pairing has its share beside reconnects', [pairing], [...times(8, reconnect), ...times(3, pairing)], now, 0],
  ['one unlinking runs beside them all', ['unlink'], times(8, restart), now, 0],
  ['and no more than one', ['unlink'], [...times(7, pairing), 'unlink'], now, undefined],
  ['a free place is for a pairing', [restart, pairing], [...times(4, pairing), ...times(2, restart)], now, 1],
  [
    'or for a restart that waits for 5 s',
    [pairing, restart],
    [...times(4, pairing), ...times(2, restart)],
    now - 5000,
    1,
  ],
])('%s', (_fact, waiting, running, enteredAt, turn) => {
  const state = { ...idle, waiting: openings(waiting, enteredAt), running: new Set(openings(running, now)) }
  expect(nextTurn(state, { places, forReconnects: places, isBusy: false }, now)?.place).toBe(turn)
})

test('reconnects get as many places as are for them, and their share at least; others get all', () => {
  const turnOf = (waiting: Urgency, running: readonly Urgency[]) =>
    nextTurn(
      { ...idle, waiting: openings([waiting], now), running: new Set(openings(running, now)) },
      { places, forReconnects: 3, isBusy: false },
      now,
    )?.place
  expect(turnOf(reconnect, times(2, reconnect))).toBe(0)
  expect(turnOf(reconnect, times(3, reconnect))).toBeUndefined()
  expect(turnOf(restart, times(5, restart))).toBe(0)
})

test('the shares are all places, and a quarter or more is for each of the less urgent', () => {
  for (let count = 4; count < 60; count++) {
    expect(shareOf(pairing, count) + shareOf(restart, count) + shareOf(reconnect, count)).toBe(count)
    expect(shareOf(restart, count)).toBeGreaterThanOrEqual(count / 4)
    expect(shareOf(reconnect, count)).toBeGreaterThanOrEqual(count / 4)
    expect(shareOf(pairing, count)).toBeGreaterThan(0)
  }
})

test('reconnects beyond their share take no place from others, and none begins before an owner’s link that waits', () => {
  const turnOf = (waiting: readonly Urgency[], running: readonly Urgency[]) =>
    nextTurn(
      { ...idle, waiting: openings(waiting, now), running: new Set(openings(running, now)) },
      { places, forReconnects: 20, isBusy: false },
      now,
    )?.place
  expect(turnOf([reconnect, pairing], [...times(12, reconnect), ...times(5, pairing)])).toBe(1)
  const full = times(6, pairing)
  expect(turnOf([reconnect], [...times(12, reconnect), ...full])).toBe(0)
  expect(turnOf([reconnect, pairing], [...times(12, reconnect), ...full])).toBeUndefined()
  expect(turnOf([reconnect, restart], [...times(12, reconnect), ...full, ...times(2, restart)])).toBeUndefined()
  expect(turnOf([reconnect, pairing], [reconnect, ...full])).toBe(0)
  expect(turnOf([reconnect], [...times(20, reconnect), ...full])).toBeUndefined()
})

test('reconnects that hang count among those that may run, but leave the others their share', () => {
  const turnOf = (running: number, hanging: number) =>
    nextTurn(
      {
        waiting: openings([reconnect], now),
        running: new Set(openings(times(running, reconnect), now)),
        overdue: new Set(openings(times(hanging, reconnect), now)),
      },
      { places, forReconnects: 20, isBusy: false },
      now,
    )?.place
  expect([turnOf(10, 9), turnOf(10, 10), turnOf(1, 100)]).toEqual([0, undefined, 0])
})

test.each<[boolean, Urgency, boolean, number | undefined]>([
  [false, pairing, false, 0],
  [true, pairing, false, undefined],
  [true, pairing, true, undefined],
  [true, restart, false, undefined],
  [true, restart, true, undefined],
  [true, reconnect, false, 0],
])(
  'reconnects have only their share on a busy loop beside an owner’s link: %s, %s, overdue %s',
  (isBusy, other, isOverdue, turn) => {
    const turnOf = (reconnects: number) =>
      nextTurn(
        {
          waiting: openings([reconnect], now),
          running: new Set(openings([...times(reconnects, reconnect), ...(isOverdue ? [] : [other])], now)),
          overdue: new Set(openings(isOverdue ? [other] : [], now)),
        },
        { places, forReconnects: 20, isBusy },
        now,
      )?.place
    expect([turnOf(1), turnOf(2)]).toEqual([0, turn])
  },
)

test.each([
  ['a busy loop costs reconnects beyond their share', [30, 20], 0.95, true, true, [30, 18]],
  ['then all a few', [30, 8], 0.95, true, true, [28, 7]],
  ['but not the last ones', [16, 4], 1, true, true, [16, 4]],
  ['a loop with time to spare gets more when they are short', [20, 20], 0.5, true, true, [22, 34]],
  ['reconnects twice as many on an idle one', [20, 8], 0.1, true, true, [22, 16]],
  ['up to a limit', [47, 90], 0.2, true, true, [48, 96]],
  ['and none when nobody waits', [20, 5], 0.5, false, true, [20, 5]],
  ['reconnects that hang, or do not need theirs, get no more', [20, 20], 0.1, true, false, [22, 20]],
  ['but their share of more places', [32, 8], 0.1, true, false, [34, 9]],
  ['and fewer on a loop with more load than wanted', [20, 20], 0.89, true, false, [20, 19]],
  ['near the load that is wanted nothing changes', [20, 5], 0.85, true, true, [20, 5]],
] as const)(
  'places: %s',
  (_fact, [count, forReconnects], load, isShort, canReconnectsGrow, [after, reconnectsAfter]) => {
    const adapted = adaptedPlaces({ places: count, forReconnects, isBusy: false }, { load, isShort, canReconnectsGrow })
    expect([adapted.places, adapted.forReconnects]).toEqual([after, reconnectsAfter])
  },
)
