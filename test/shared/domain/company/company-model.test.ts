import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextDeadline, timeOut } from '#shared/domain/attempt/deadlines.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { type Command, carryOut, command, freshWorld, natural, type World } from './company-commands.ts'
import {
  checkAnswers,
  checkNotices,
  checkState,
  freshMemory,
  type Memory,
  must,
  remember,
} from './company-invariants.ts'

test('whatever is decided, in whatever order, the invariants of a company hold', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const world = freshWorld()
      const memory = freshMemory()
      for (const each of commands) take(world, memory, each)
      settle(world, memory)
    }),
    { numRuns: 1500 },
  )
})

test('the random walks reach every state and every outcome', () => {
  const reached = new Set<string>()
  const note = ({ attempt, lastAttempt, session, cleanup }: CompanyState) => {
    for (const name of [attempt?.state, lastAttempt && `was ${lastAttempt.state}`, session?.status])
      if (name) reached.add(name)
    for (const { reason, unlink } of cleanup) reached.add(`left by ${reason}`).add(`unlink ${unlink}`)
  }
  for (const commands of fc.sample(fc.array(command, { minLength: 40, maxLength: 60 }), { numRuns: 150, seed: 1 })) {
    const world = freshWorld()
    const memory = freshMemory()
    for (const each of commands) {
      take(world, memory, each)
      note(world.state)
    }
  }
  const attempts = ['requested', 'connecting', 'code-issued', 'phone-confirmed', 'expired', 'storing', 'restarting']
  const outcomes = ['connected', 'failed', 'expired', 'cancelled', 'superseded'].map((state) => `was ${state}`)
  const sessions = ['connected', 'reconnecting', 'logged-out', 'stopped']
  const reasons = ['reset', 'phone-change', 'replaced', 'logged-out', 'attempt-ended']
  const unlinks = ['pending', 'confirmed', 'unconfirmed', 'not-linked'].map((unlink) => `unlink ${unlink}`)
  const all = [...attempts, ...outcomes, ...sessions, ...reasons.map((reason) => `left by ${reason}`), ...unlinks]
  expect(all.filter((name) => !reached.has(name))).toEqual([])
})

/** Takes one step and checks the invariants. */
function take(world: World, memory: Memory, drawn: Command | undefined): void {
  const before = world.state
  const each = drawn ?? natural(before)
  const { decision, request } = carryOut(world, each)
  const { state, outcome, notices } = decision
  if (outcome === 'stale') must(state === before && notices.length === 0, 'what is stale changes nothing')
  if (request) remember(memory, request, state.attempt?.attemptId)
  world.state = state
  const { attempt } = state
  if (attempt && world.attempts[0]?.attemptId !== attempt.attemptId)
    world.attempts.unshift({ attemptId: attempt.attemptId, fence: attempt.fence, owner: { hostId: 'any', epoch: 0 } })
  checkNotices(notices, memory)
  checkState(before, state, each.do, memory)
  checkAnswers(state, memory, false)
}

/** Lets all deadlines pass, as the watchdog does when every host is dead: then each request must have its answer. */
function settle(world: World, memory: Memory): void {
  for (let wakes = 0; ; wakes++) {
    const due = nextDeadline(world.state)
    if (due === undefined) break
    must(wakes < 20, 'deadlines come to an end')
    const now = Math.max(world.now, due)
    const { state, notices } = timeOut(world.state, now)
    const next = nextDeadline(state)
    must(next === undefined || next > now, 'no deadline in the past remains')
    checkNotices(notices, memory)
    checkState(world.state, state, 'wait', memory)
    world.state = state
    world.now = now
  }
  must(world.state.attempt === undefined, 'no attempt outlives its deadlines')
  checkAnswers(world.state, memory, true)
}
