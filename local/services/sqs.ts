/** SQS: fauxqs on the loopback, with two things it leaves out: polls of vanished clients, and a restart. */
import { buildApp } from 'fauxqs'
import type { Engine } from './engine.ts'
import { loopback } from './listen.ts'
import { keepQueues } from './queue-file.ts'
import { returnUndelivered } from './undelivered.ts'

/** SQS whose unsent commands survive a restart. */
export type Queues = Engine & {
  /** Puts back what the last run left unsent; to be called when the queues exist. */
  restore(): Promise<void>
}

/** Starts SQS; what is unsent is kept in the file, when there is one. */
export async function startSqs(file: string | undefined): Promise<Queues> {
  const app = buildApp({ logger: false })
  returnUndelivered(app)
  const kept = file === undefined ? undefined : keepQueues(app, file)
  // `startFauxqs` would listen on all addresses.
  const url = await app.listen({ host: loopback, port: 0 })
  return {
    url,
    server: app.server,
    restore: async () => kept?.restore(),
    stop: async () => {
      await kept?.save()
      await app.close()
    },
  }
}
