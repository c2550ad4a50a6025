import type { Connection } from './connection.ts'

/** An answer that is due from the client; it never comes when the connection ends or the time is over. */
export type Expectation<T> = {
  readonly outcome: Promise<T | undefined>
  fulfil(value: T): void
  abandon(): void
}

/** Expects something of a client within a time. */
export function expectOf<T>(connection: Connection, withinMs: number): Expectation<T> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>()
  const abandon = () => resolve(undefined)
  connection.later(withinMs, abandon)
  connection.onClosed(abandon)
  if (!connection.isOpen()) abandon()
  return { outcome: promise, fulfil: resolve, abandon }
}
