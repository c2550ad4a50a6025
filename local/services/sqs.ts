/**
 * SQS: fauxqs on the loopback. Three features are added: it survives restarts, messages are not lost to polls of
 * disconnected clients, and FIFO queues can deduplicate per group.
 */
import { buildApp } from 'fauxqs'
import type { Engine } from './engine.ts'
import { deduplicateByGroup } from './group-deduplication.ts'
import { loopback } from './listen.ts'
import { keepQueues } from './queue-file.ts'
import { returnUndelivered } from './undelivered.ts'

/** SQS whose undelivered messages can survive a restart. */
export type Queues = Engine & {
  /** Puts undelivered messages of the last run back into their queues, which must exist by then. */
  restore(): Promise<void>
}

/** Starts SQS. Undelivered messages are saved to the file, if one is given. */
export async function startSqs(file: string | undefined): Promise<Queues> {
  const app = buildApp({ logger: false })
  returnUndelivered(app)
  deduplicateByGroup(app)
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
