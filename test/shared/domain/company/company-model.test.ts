import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { command, freshWorld, walkSize } from './company-commands.ts'
import { freshMemory } from './company-invariants.ts'
import { settle, take } from './company-walk.ts'

test('whatever is decided, in whatever order, the invariants of a company hold', () => {
  fc.assert(
    fc.property(fc.array(command, walkSize), (commands) => {
      const world = freshWorld()
      const memory = freshMemory()
      for (const each of commands) take(world, memory, each)
      settle(world, memory)
    }),
    { numRuns: 1000 },
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
