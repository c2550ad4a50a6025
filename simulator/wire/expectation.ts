import type { Connection } from './connection.ts'

/** An answer that the client owes. */
export type Expectation<T> = {
  /** Resolves with the answer, or with undefined once it is abandoned, the connection ends or the time is over. */
  readonly outcome: Promise<T | undefined>
  fulfil(value: T): void
  /** Gives up on the answer. */
  abandon(): void
}

/** Expects an answer of the client within a time. */
export function expectOf<T>(connection: Connection, withinMs: number): Expectation<T> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>()
  const abandon = () => resolve(undefined)
  connection.later(withinMs, abandon)
  connection.onClosed(abandon)
  if (!connection.isOpen()) abandon()
  return { outcome: promise, fulfil: resolve, abandon }
}
