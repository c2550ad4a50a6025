import { describe, expect, it } from 'vitest'
import { readStage, stages } from '../../cdk/stage.ts'
import { synthesizeStacks } from './synthesize.ts'

const read = (context: Record<string, unknown>) => readStage((key) => context[key])

describe('readStage', () => {
  it.each(Object.keys(stages))('reads the stage %s', (stage) => {
    expect(read({ stage })).toEqual(stages[stage])
  })

  it.each([
    [{}, 'Name the stage, e.g. -c stage=dev (known: dev, prod)'],
    [{ stage: 'staging' }, 'There is no stage "staging" (known: dev, prod); add it to cdk/stage.ts'],
    [{ stage: 'constructor' }, 'There is no stage "constructor"'],
    [{ stage: 'dev', shards: '0' }, 'give a whole number from 1 to 64'],
    [{ stage: 'dev', shards: '1.5' }, 'shards=1.5 is not a valid shard count'],
    [{ stage: 'dev', shards: 'many' }, 'e.g. -c shards=16'],
    [{ stage: 'dev', shards: 65 }, 'give a whole number from 1 to 64'],
  ])('refuses %j and says what to do', (context, message) => {
    expect(() => read(context)).toThrow(message)
  })

  it('takes the number of shards from the context, as text or as a number', () => {
    expect(read({ stage: 'dev', shards: '4' }).shards).toBe(4)
    expect(read({ stage: 'dev', shards: 4 }).shards).toBe(4)
  })
})

describe('stages', () => {
  it('keep the data of prod, and only of prod', () => {
    expect(stages['prod']?.retainData).toBe(true)
    expect(stages['dev']?.retainData).toBe(false)
  })

  it.each([
    ['prod', true],
    ['dev', false],
  ])(
    'of %s protect every stack or none: the first that is not would be gone before one refuses',
    (name, isProtected) => {
      const stacks = ['data', 'control-plane', 'socket-host', 'monitoring']
      expect(synthesizeStacks(name)).toEqual(
        expect.arrayContaining(
          stacks.map((part) => ({ stackName: `pairplane-${name}-${part}`, terminationProtection: isProtected })),
        ),
      )
      expect(synthesizeStacks(name)).toHaveLength(stacks.length)
    },
  )

  it('never have more hosts than shards', () => {
    for (const { hosts, shards } of Object.values(stages)) expect(hosts.max).toBeLessThanOrEqual(shards)
  })
})
