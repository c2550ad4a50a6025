/** Steps of a random walk of a company, each with a check of the invariants. */
import type { Decision } from '#shared/domain/company/company.ts'
import { type Command, carryOut, natural, type World } from './company-commands.ts'
import { checkAnswers, checkNotices, checkState, type Memory, must, remember } from './company-invariants.ts'

/** Takes one step and checks the invariants. */
export function take(world: World, memory: Memory, drawn: Command | undefined): Decision<unknown> {
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
  return decision
}

/** Lets all deadlines pass, as the watchdog does when every host is dead: then each request must have its answer. */
export function settle(world: World, memory: Memory): void {
  for (let wakes = 0; ; wakes++) {
    const due = world.by.nextDeadline(world.state)
    if (due === undefined) break
    must(wakes < 20, 'deadlines come to an end')
    const now = Math.max(world.now, due)
    const { state, notices } = world.by.timeOut(world.state, now)
    const next = world.by.nextDeadline(state)
    must(next === undefined || next > now, 'no deadline in the past remains')
    checkNotices(notices, memory)
    checkState(world.state, state, 'wait', memory)
    world.state = state
    world.now = now
  }
  must(world.state.attempt === undefined, 'no attempt outlives its deadlines')
  checkAnswers(world.state, memory, true)
}
