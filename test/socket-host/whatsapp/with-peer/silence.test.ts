/** Tests with the real Baileys: who is silent is found out by a monotonic clock, not by the wall clock. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { notification } from '../../../../simulator/wire/stanzas.ts'
import { fakeClock } from '../../../fakes/fake-clock.ts'
import { openSession } from './open-session.ts'
import { type StanzaPeer, startPeer } from './stanza-peer.ts'

let peer: StanzaPeer
beforeAll(async () => {
  peer = await startPeer()
})
afterAll(() => peer.close())

const pings = () => peer.received.filter(({ attrs }) => attrs['xmlns'] === 'w:p').length

/** Waits until the client has read everything that the peer has sent. */
async function untilRead(): Promise<void> {
  const sent = notification('picture')
  peer.send(sent)
  await peer.waitFor(({ tag, attrs }) => tag === 'ack' && attrs['id'] === sent.attrs['id'])
}

test('a peer that answers is pinged, and one that has fallen silent is given up', async () => {
  const clock = fakeClock()
  const { closed } = await openSession(clock)
  await clock.advance(30_000)
  await expect.poll(pings).toBe(1)
  await untilRead()
  const answer = peer.answer
  onTestFinished(() => {
    peer.answer = answer
  })
  peer.answer = () => undefined
  await clock.advance(30_000)
  await clock.advance(30_000)
  expect(await closed).toEqual({ reason: 'lost', detail: expect.stringMatching(/^nothing received for \d+ ms$/) })
})

test('a step of the wall clock closes nothing, though Baileys compares its dates', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const { closed } = await openSession()
  vi.setSystemTime(Date.now() + 36_000)
  await vi.advanceTimersByTimeAsync(31_000)
  expect(await Promise.race([closed, untilRead()])).toBeUndefined()
})
