import { afterEach, describe, expect, it, test } from 'vitest'
import { type HealthEndpoint, judge, serveHealth } from '../../../socket-host/fleet/health.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

const hostSince = (lastContactAt: number) => ({ status: () => ({ shards: [1], sessions: 2, lastContactAt }) })

describe('a host is healthy', () => {
  test.each([
    ['while it reaches the store and its loop turns', 0, 100, true],
    ['not when the store was out of reach for too long', 61_000, 100, false],
    ['through a burst of pairings', 0, 14_000, true],
    ['not when its loop stalls', 0, 31_000, false],
  ])('%s', async (_, contactAgoMs, stallMs, isHealthy) => {
    const time = fakeClock()
    await time.advance(contactAgoMs)
    expect(judge({ host: hostSince(0), time, contactWithinMs: 60_000 }, stallMs)).toMatchObject({ isHealthy })
  })
})

describe('the endpoint', () => {
  let endpoint: HealthEndpoint | undefined
  afterEach(() => endpoint?.close())

  it.each([
    [0, 200],
    [61_000, 503],
  ])('after %d ms without the store answers %d', async (contactAgoMs, status) => {
    const time = fakeClock()
    await time.advance(contactAgoMs)
    endpoint = await serveHealth({ host: hostSince(0), time, contactWithinMs: 60_000 }, 0)
    const answer = await fetch(`http://127.0.0.1:${endpoint.port}/health`)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ isHealthy: status === 200, shards: [1], sessions: 2 })
  })

  it('answers 404 to anything else', async () => {
    endpoint = await serveHealth({ host: hostSince(0), time: fakeClock(), contactWithinMs: 60_000 }, 0)
    expect((await fetch(`http://127.0.0.1:${endpoint.port}/`)).status).toBe(404)
  })
})
