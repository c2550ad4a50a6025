/** Ends connections above the company's limit (R34). Most of them are dead ones whose end was never reported. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import { connectionsApi } from '#shared/aws/connections-api.ts'
import type { Language } from '#shared/domain/values/errors.ts'
import type { Clock, Connection } from '#shared/ports.ts'
import { hangUp, type PublisherDeps } from '#shared/push/publisher.ts'
import { clock, env, log } from '../wiring/connection-deps.ts'

/**
 * The newer client waits for this. A connection that is still open after it gets no more events, as its row is deleted.
 */
const hangUpWithinMs = 1_000
/** Seconds to wait, so that clients above the limit do not push each other out again and again without a pause. */
const retryAfter = 60

const tooMany: Readonly<Record<Language, string>> = {
  ru: 'у компании слишком много соединений',
  en: 'the company has too many connections',
}

/** Sends each client the reason and closes its connection. Waits at most a second; a client that is gone is skipped. */
export async function expelConnections(
  connections: readonly Connection[],
  deps: Pick<PublisherDeps, 'api'> & { readonly clock: Clock } = {
    api: connectionsApi({ callbackUrl: env().CALLBACK_URL, log: log() }),
    clock,
  },
): Promise<void> {
  const failure = (language: Language) => ({ code: 'RATE_LIMITED', retryAfter, detail: tooMany[language] }) as const
  const ends = connections.map((connection) => hangUp(deps, connection, failure(connection.language)))
  await waitAtMost(hangUpWithinMs, Promise.all(ends), () => undefined)
}
