import { afterEach, describe, expect, it, test } from 'vitest'
import { type HealthEndpoint, judge, serveHealth } from '../../../socket-host/fleet/health.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

const hostThat = (canRead: boolean) => ({ status: () => ({ shards: [1], sessions: 2, lastContactAt: 0, canRead }) })

describe('a host is healthy', () => {
  test.each([
    ['while its loop turns', true, 0, 100, true],
    ['while the store is out of reach, for however long (R49)', true, 3_600_000, 100, true],
    ['through a burst of pairings', true, 0, 14_000, true],
    ['not when its loop stalls', true, 0, 31_000, false],
    ['not when it can read no credentials (R47)', false, 0, 100, false],
  ])('%s', async (_, canRead, contactAgoMs, stallMs, isHealthy) => {
    const time = fakeClock()
    await time.advance(contactAgoMs)
    expect(judge({ host: hostThat(canRead), time }, stallMs)).toMatchObject({ isHealthy, contactAgoMs })
  })
})

describe('the endpoint', () => {
  let endpoint: HealthEndpoint | undefined
  afterEach(() => endpoint?.close())

  it.each([
    [true, 200],
    [false, 503],
  ])('of a host that can read credentials (%s) answers %d', async (canRead, status) => {
    endpoint = await serveHealth({ host: hostThat(canRead), time: fakeClock() }, 0)
    const answer = await fetch(`http://127.0.0.1:${endpoint.port}/health`)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ isHealthy: status === 200, shards: [1], sessions: 2 })
  })

  it('answers 404 to anything else', async () => {
    endpoint = await serveHealth({ host: hostThat(true), time: fakeClock() }, 0)
    expect((await fetch(`http://127.0.0.1:${endpoint.port}/`)).status).toBe(404)
  })
})
