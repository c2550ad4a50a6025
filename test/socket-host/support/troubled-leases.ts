/** One host's view of the lease store: its calls can be slow, fail, or be carried out without an answer. */
import type { LeaseStore } from '#shared/ports.ts'

export type CallFate = {
  /** Before the call is carried out, and before it is answered. */
  readonly delayMs: number
  readonly answerDelayMs: number
  readonly fate: 'ok' | 'fails' | 'answerLost'
}

export const smooth: CallFate = { delayMs: 0, answerDelayMs: 0, fate: 'ok' }

export function troubledLeases(
  store: LeaseStore,
  sleep: (ms: number) => Promise<void>,
  fateOf: () => CallFate,
): LeaseStore {
  async function call<T>(act: () => Promise<T>): Promise<T> {
    const { delayMs, answerDelayMs, fate } = fateOf()
    await sleep(delayMs)
    if (fate === 'fails') throw new Error('The store is away')
    const answer = await act()
    await sleep(answerDelayMs)
    if (fate === 'answerLost') throw new Error('The answer was lost')
    return answer
  }
  return {
    readAll: (shards) => call(() => store.readAll(shards)),
    claim: (seen, ownerId, epoch, now) => call(() => store.claim(seen, ownerId, epoch, now)),
    renew: (lease, now) => call(() => store.renew(lease, now)),
    want: (lease, hostId) => call(() => store.want(lease, hostId)),
    nameSuccessor: (lease, successor) => call(() => store.nameSuccessor(lease, successor)),
    release: (lease) => call(() => store.release(lease)),
    writeHeartbeat: (heartbeat) => call(() => store.writeHeartbeat(heartbeat)),
  }
}
