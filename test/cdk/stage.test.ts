import { describe, expect, it } from 'vitest'
import { problemOf, readStage, stages } from '../../cdk/stage.ts'
import { synthesizeStacks } from './synthesize.ts'

const read = (context: Record<string, unknown>) => readStage((key) => context[key])
const dev = read({ stage: 'dev' })

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

describe('the URL of the signing keys', () => {
  const problemWith = (jwksUrl: string) => problemOf({ ...dev, tokens: { ...dev.tokens, jwksUrl } })

  it.each(['https://id.example/jwks.json', 'http://127.0.0.1:8080/jwks'])('may be %s', (url) => {
    expect(problemWith(url)).toBeUndefined()
  })

  it.each(['http://id.example/jwks.json', 'https://user:password@id.example/', 'id.example'])('is not %s', (url) => {
    expect(problemWith(url)).toMatch(/^tokens\.jwksUrl .*https URL without credentials/)
  })
})

describe('the limit of codes for numbers of other companies', () => {
  const problemWith = (codesPerForeignPhone: number) =>
    problemOf({ ...dev, pairing: { ...dev.pairing, codesPerPhone: 5, codesPerForeignPhone } })

  it.each([3, 5])('may be %d of 5', (codes) => expect(problemWith(codes)).toBeUndefined())

  it('is not above the one of the phone, where it would limit nobody', () =>
    expect(problemWith(6)).toMatch(/^pairing\.codesPerForeignPhone can be 5 at most/))
})

describe('the throttle of messages', () => {
  const problemWith = (rate: number) =>
    problemOf({ ...dev, throttle: { ...dev.throttle, webSocket: { rate, burst: rate } } })

  it('may be above what one company may send', () => expect(problemWith(401)).toBeUndefined())

  it('is not below it, where one company would silence the others', () =>
    expect(problemWith(400)).toMatch(/^throttle\.webSocket\.rate must be above 400/))
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
