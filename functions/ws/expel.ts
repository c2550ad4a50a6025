/** Ends connections that a newer one has taken the place of (R34); most of them are those that nobody has heard the end of. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import { connectionsApi } from '#shared/aws/connections-api.ts'
import type { Language } from '#shared/domain/values/errors.ts'
import type { Clock, Connection } from '#shared/ports.ts'
import { hangUp, type PublisherDeps } from '#shared/push/publisher.ts'
import { clock, env, log } from '../wiring/connection-deps.ts'

/** The newer client waits meanwhile; what is not hung up on by then hears nothing more of the company all the same. */
const hangUpWithinMs = 1_000
/** Seconds: clients above the limit must not push one another out in turn without a pause. */
const retryAfter = 60

const tooMany: Readonly<Record<Language, string>> = {
  ru: 'у компании слишком много соединений',
  en: 'the company has too many connections',
}

/** Tells each client why, and hangs up on it. */
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
