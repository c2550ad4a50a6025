/**
 * The present build and the last released one work on the same companies, as they do while one replaces the other, and
 * after a roll-back (R49a). States pass between them as they are stored.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CompanyState } from '#shared/domain/company/company.ts'
import {
  type Command,
  command,
  freshWorld,
  type Transitions,
  type World,
  walkSize,
} from '../shared/domain/company/company-commands.ts'
import { freshMemory, type Memory, must } from '../shared/domain/company/company-invariants.ts'
import { settle, take } from '../shared/domain/company/company-walk.ts'
import * as present from './build.ts'
import * as frozen from './frozen.mjs'
import { keptParts, kindOf, lostParts, madeNewer } from './newer.ts'
import { useState } from './use-state.ts'

const builds = { frozen, present } as const satisfies Record<string, Transitions>
type Name = keyof typeof builds

const step = fc.record({ by: fc.constantFrom<Name>('frozen', 'present'), command })
const steps = fc.array(step, walkSize)

/** Reads the stored document with a build; every build must understand it, lose nothing of it, and have a use for it. */
function readBy(by: Transitions, doc: string, now: number): CompanyState {
  for (const build of Object.values(builds)) {
    const state = build.parseState(JSON.parse(doc))
    must(!state.foreign, 'each build understands what the other has written')
    must(isDeepStrictEqual(state, JSON.parse(doc)), 'each build reads all that is stored')
    useState(build, state, now)
  }
  return by.parseState(JSON.parse(doc))
}

/** Takes a step by one of the builds, on the document that is stored. */
function takeBy(name: Name, world: World, memory: Memory, drawn: Command | undefined) {
  world.by = builds[name]
  world.state = readBy(world.by, JSON.stringify(world.state), world.now)
  return take(world, memory, drawn)
}

test('whichever build decides, in whatever order, the invariants of a company hold', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom<Name>('frozen', 'present'), (walk, last) => {
      const world = freshWorld()
      const memory = freshMemory()
      for (const { by, command } of walk) takeBy(by, world, memory, command)
      world.by = builds[last]
      world.state = readBy(world.by, JSON.stringify(world.state), world.now)
      settle(world, memory)
    }),
    { numRuns: 200 },
  )
})

test('fields and words that only a newer build knows survive every decision of either build', () => {
  /** Kinds of objects whose fields have been kept, by build. */
  const kept = { frozen: new Set<string>(), present: new Set<string>() }
  fc.assert(
    fc.property(steps, fc.boolean(), (walk, words) => {
      const world = freshWorld()
      const memory = freshMemory()
      for (const { by, command } of walk) {
        world.state = madeNewer(world.state, words)
        const before = world.state
        const { state } = takeBy(by, world, memory, command)
        const lost = lostParts(before, state)
        must(lost.length === 0, `${by} loses what a newer build has said in ${lost}`)
        for (const name of keptParts(before, state)) kept[by].add(kindOf(name))
      }
      settle(world, memory)
    }),
    { numRuns: 200 },
  )
  // The walks have reached every object of a state.
  const kinds = ['state', 'attempt', 'waiting', 'owner', 'shown', 'link', 'ticket', 'outcome', 'failure']
  const all = new Set([...kinds, 'session', 'refusals', 'retired'])
  expect(kept).toEqual({ frozen: all, present: all })
})
