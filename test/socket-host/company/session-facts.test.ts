import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CloseReason, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import {
  newSession,
  afterSessionEvent as next,
  type SessionEvent,
  type SessionFacts,
  type SessionPhase,
} from '../../../socket-host/company/session-facts.ts'
import { seed } from '../../support/seed.ts'

const now = 1_000_000
const phases = {
  queued: { is: 'queued', urgency: 'reconnect' },
  hurried: { is: 'queued', urgency: 'restart' },
  loading: { is: 'loading' },
  opening: { is: 'opening' },
  open: { is: 'open', since: now - 1000 },
  hanging: { is: 'hanging' },
  backingOff: { is: 'backingOff' },
  confirming: { is: 'confirming' },
  ended: { is: 'ended', end: { code: 'INTERNAL', how: 'stopped' } },
  fenced: { is: 'fenced' },
  left: { is: 'left' },
} as const satisfies Record<string, SessionPhase>
type PhaseName = keyof typeof phases

const closed = (reason: CloseReason, isOwner = true): SessionEvent => ({
  type: 'closed',
  close: { reason, detail: '' },
  isOwner,
})
const events = {
  turn: { type: 'turn' },
  loaded: { type: 'loaded' },
  damaged: { type: 'damaged' },
  unreadable: { type: 'unreadable' },
  fenced: { type: 'fenced', isOwner: false },
  failed: { type: 'failed', code: 'STORE_UNAVAILABLE' },
  opened: { type: 'opened' },
  timedOut: { type: 'timedOut' },
  lost: closed('lost'),
  backOffOver: { type: 'backOffOver' },
  hurried: { type: 'hurried' },
  left: { type: 'left' },
} as const satisfies Record<string, SessionEvent>
type EventName = keyof typeof events

/** A session in that phase, after two failures. */
const inPhase = (name: PhaseName): SessionFacts => ({
  ...newSession('g1', 'reconnect'),
  phase: phases[name],
  failures: 2,
})

/** Phase that follows from each event; an event that is not listed changes nothing. */
const table: Readonly<Record<PhaseName, Partial<Record<EventName, SessionPhase['is']>>>> = {
  queued: { turn: 'loading', hurried: 'queued', left: 'left' },
  hurried: { turn: 'loading', left: 'left' },
  loading: {
    loaded: 'opening',
    damaged: 'ended',
    unreadable: 'ended',
    fenced: 'fenced',
    failed: 'backingOff',
    left: 'left',
  },
  opening: { opened: 'open', timedOut: 'hanging', lost: 'backingOff', failed: 'backingOff', left: 'left' },
  open: { lost: 'backingOff', left: 'left' },
  hanging: { lost: 'backingOff', left: 'left' },
  backingOff: { backOffOver: 'queued', hurried: 'queued', left: 'left' },
  confirming: { backOffOver: 'queued', left: 'left' },
  ended: { left: 'left' },
  fenced: { left: 'left' },
  left: {},
}
const cells = (Object.keys(phases) as PhaseName[]).flatMap((phase) =>
  (Object.keys(events) as EventName[]).map((event) => [phase, event, table[phase][event]] as const),
)

describe('a session', () => {
  it.each(cells)('that is %s, after %s, is in phase %s', (phase, event, expected) => {
    const before = inPhase(phase)
    const facts = next(before, events[event], now)
    if (expected === undefined) expect(facts).toBe(before)
    else expect(facts.phase.is).toBe(expected)
  })

  it.each([
    ['waits in the queue', 'queued'],
    ['backs off', 'backingOff'],
  ] as const)('that %s goes ahead of reconnects when an owner waits for it', (_, phase) => {
    expect(next(inPhase(phase), events.hurried, now).phase).toEqual({ is: 'queued', urgency: 'restart' })
  })

  it('that is fenced although its host owns the shard tries again', () => {
    expect(next(inPhase('loading'), { type: 'fenced', isOwner: true }, now).phase).toEqual({ is: 'backingOff' })
  })

  it('keeps the reason why it could not be opened', () => {
    expect(next(inPhase('loading'), events.failed, now)).toMatchObject({
      lastCode: 'STORE_UNAVAILABLE',
      phase: { is: 'backingOff' },
      failures: 3,
    })
  })
})

describe('after a close, a session', () => {
  const open = inPhase('open')
  const reasons = Object.keys(sessionVerdicts) as CloseReason[]

  it.each(reasons)('follows the table of closes: %s', (reason) => {
    const { do: reaction, code } = sessionVerdicts[reason]
    const facts = next(open, closed(reason), now)
    expect(facts.lastCode).toBe(reaction === 'confirm' ? 'WHATSAPP_UNAVAILABLE' : code)
    const phases = {
      stop: { is: 'ended', end: { code, how: 'stopped' } },
      retire: { is: 'ended', end: { code, how: 'removed' } },
      confirm: { is: 'confirming' },
    }
    expect(facts.phase).toEqual(phases[reaction as keyof typeof phases] ?? { is: 'backingOff' })
  })

  it('is refused when a second login is refused too, and not when one in between lasted a minute (R46)', () => {
    const once = next(open, closed('loggedOut'), now)
    const twice = next({ ...once, phase: phases.opening }, closed('loggedOut'), now)
    expect(twice.phase).toEqual({ is: 'ended', end: { code: 'LOGGED_OUT', how: 'refused' } })
    const accepted = next({ ...once, phase: phases.opening }, events.opened, now)
    // WhatsApp that accepts each login and refuses the session at once must not be asked for ever.
    expect(next(accepted, closed('loggedOut'), now + 59_000).phase.is).toBe('ended')
    expect(next(accepted, closed('loggedOut'), now + 60_000).phase).toEqual({ is: 'confirming' })
  })

  it('keeps the time at which a restriction ends (R48)', () => {
    const banned = { reason: 'restrictedUntil', detail: '', until: 42 } as const
    expect(next(open, { type: 'closed', close: banned, isOwner: true }, now).phase).toEqual({
      is: 'ended',
      end: { code: 'ACCOUNT_RESTRICTED', how: 'stopped', until: 42 },
    })
  })

  it('stops when it was replaced for the sixth time in ten minutes (R26)', () => {
    let facts: SessionFacts = open
    for (let count = 1; count <= 5; count++) {
      facts = next({ ...facts, phase: phases.open }, closed('replaced'), now + count * 60_000)
      expect(facts.phase.is).toBe('backingOff')
    }
    const late = next({ ...facts, phase: phases.open }, closed('replaced'), now + 800_000)
    expect(late.phase.is).toBe('backingOff')
    const sixth = next({ ...facts, phase: phases.open }, closed('replaced'), now + 6 * 60_000)
    expect(sixth.phase).toEqual({ is: 'ended', end: { code: 'SESSION_REPLACED', how: 'stopped' } })
  })

  it('is left to the new owner when another socket has replaced it', () => {
    expect(next(open, closed('replaced', false), now).phase.is).toBe('fenced')
    expect(next(open, closed('replaced', true), now).phase.is).toBe('backingOff')
  })

  it('restarts at once the first time that WhatsApp asks for it, and backs off from then on', () => {
    const first = next({ ...open, failures: 0 }, closed('restart'), now)
    expect(first.phase).toEqual({ is: 'queued', urgency: 'restart' })
    const second = next({ ...first, phase: phases.opening }, closed('restart'), now)
    expect(second).toMatchObject({ phase: { is: 'backingOff' }, failures: 2 })
    expect(next({ ...second, phase: phases.opening }, closed('restart'), now)).toMatchObject({ failures: 3 })
  })

  it.each([
    ['begins its back-off anew after it was open for a minute', 60_000, 1],
    ['goes on with its back-off after it was open for less', 59_999, 3],
  ])('%s', (_, openMs, failures) => {
    const facts = { ...open, phase: { is: 'open', since: now - openMs } as const }
    expect(next(facts, closed('lost'), now)).toMatchObject({ phase: { is: 'backingOff' }, failures })
  })
})

describe('whatever happens to a session', () => {
  it('only a close ends an open one, its back-off grows until it settles, and what is over stays over', () => {
    const anyEvent = fc.oneof(
      fc.constantFrom<SessionEvent>(...Object.values(events)),
      fc
        .tuple(fc.constantFrom(...(Object.keys(sessionVerdicts) as CloseReason[])), fc.boolean())
        .map(([reason, isOwner]) => closed(reason, isOwner)),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEvent, fc.integer({ min: 0, max: 90_000 })), { maxLength: 30 }), (all) => {
        let facts = newSession('g1', 'restart')
        let at = now
        for (const [event, wait] of all) {
          at += wait
          const changed = next(facts, event, at)
          const was = facts.phase
          if (was.is === 'open' && changed.phase.is !== 'open') expect(['closed', 'left']).toContain(event.type)
          if (was.is === 'ended' || was.is === 'fenced' || was.is === 'left')
            expect(event.type === 'left' ? changed.phase.is : changed).toBe(event.type === 'left' ? 'left' : facts)
          if (changed.failures < facts.failures) expect(was.is === 'open' && at - was.since >= 60_000).toBe(true)
          if (changed.phase.is === 'backingOff') expect(changed.failures).toBeGreaterThan(0)
          facts = changed
        }
      }),
      { seed },
    )
  })
})
