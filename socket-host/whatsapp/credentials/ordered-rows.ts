/**
 * Order of the reads and writes of one session's credentials. Reads run beside each other, and never beside a write. A
 * write of unknown outcome is repeated before the next of them, whichever socket is attached by then: no read sees half
 * a set, and no pre-key comes back that has been used (R64).
 */
import { readWriteQueue } from '#shared/async/read-write-queue.ts'
import type { KeyChanges, KeyRows, WriteOutcome } from './signal-keys.ts'
import { type StoreFailure, storeFailed, writeFailure } from './store-failure.ts'

/** Rows with `entries` are in memory, and can be moved to the store. */
export type Rows = KeyRows & { readonly entries?: () => KeyChanges }

export type OrderedRows = {
  /** Reads values. Rejects with the error of a reported failure. */
  read: KeyRows['read']
  beginLogin: KeyRows['beginLogin']
  /** Runs a task that writes. Rejects with the error of a reported failure unless it answers `written`. */
  write(task: (rows: Rows) => Promise<WriteOutcome>): Promise<void>
  /** Runs a task that moves the rows: unless it returns undefined, all later reads and writes use what it returns. */
  move(task: (rows: Rows) => Promise<Rows | undefined>): Promise<'moved' | undefined>
}

/** `report` is called for each read and write that fails; it returns the error for the caller. */
export function orderedRows(initial: Rows, report: (failure: StoreFailure) => Error): OrderedRows {
  const queue = readWriteQueue()
  let rows = initial
  let settling: Promise<void> | undefined

  const write: OrderedRows['write'] = (task) =>
    queue.write(async () => {
      const failure = await writeFailure(task(rows))
      if (failure) throw report(failure)
    })
  /** One for all reads that wait for it: many that fail one after the other would hold up the next socket. */
  const settle = (): Promise<void> => {
    settling ??= write((current) => current.settle()).finally(() => {
      settling = undefined
    })
    return settling
  }
  return {
    write,
    beginLogin: () => rows.beginLogin(),
    async read(type, ids) {
      while (true) {
        const found = queue.read(async () => (rows.isSettled() ? rows.read(type, ids) : undefined))
        const values = await found.catch((cause) => {
          throw report(storeFailed(cause))
        })
        if (values) return values
        await settle()
      }
    },
    move: (task) =>
      queue.write(async () => {
        const moved = await task(rows)
        rows = moved ?? rows
        return moved && 'moved'
      }),
  }
}
