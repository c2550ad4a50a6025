/**
 * Rows that Baileys asks for at each login, one after the other: the first read of a login brings the others along, in
 * one call. They serve that login only, and for seconds, because they do not bear this session's stamp: a late write of
 * the previous owner may replace them, as it may replace what Baileys has just read. Pre-keys are never among them: one
 * that has been used must not come back (R64).
 */
import type { Timer } from '#shared/async/time-limit.ts'
import { unpooled } from './known-rows.ts'

/** Milliseconds after which the rows of a login are read anew. */
const keptMs = 10_000

/** Reads rows of the store, encrypted, by name. Absent rows are left out. */
export type ReadRows = (names: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>

export type LoginRows = {
  /** Begins a login, in place of the last one. Returns what ends it, and forgets its rows. */
  begin(): () => void
  /** Returns a row of the login as it is stored, encrypted, or `absent`; undefined when it must be read. */
  find(name: string): Uint8Array | 'absent' | undefined
  /** Reads rows; the first time in a login, also those of the login of which `isNeeded` is true. */
  read(names: readonly string[], isNeeded: (name: string) => boolean): Promise<ReadonlyMap<string, Uint8Array>>
  /** Call before rows are written: nobody knows what the store has then. */
  drop(names: Iterable<string>): void
  /** Call after a write of unknown outcome. */
  forget(): void
}

export function loginRows(namesOfLogin: () => readonly string[], readRows: ReadRows, after: Timer): LoginRows {
  /** The login that has not read yet, or the rows that its first read has brought along. */
  let login: { rows?: Map<string, Uint8Array | 'absent'>; stopTimer(): void } | undefined

  function forget(): void {
    login?.stopTimer()
    login = undefined
  }
  return {
    begin() {
      forget()
      const begun = { stopTimer: () => {} }
      login = begun
      return () => {
        if (login === begun) forget()
      }
    },
    find: (name) => login?.rows?.get(name),
    async read(names, isNeeded) {
      const current = login
      if (!current || current.rows) return readRows(names)
      const rows = new Map<string, Uint8Array | 'absent'>()
      current.rows = rows
      const others = namesOfLogin().filter((name) => !names.includes(name) && isNeeded(name))
      const found = await readRows([...names, ...others])
      // It may have ended in the meantime.
      if (login === current && others.length > 0) {
        for (const name of others) rows.set(name, unpooled(found.get(name)) ?? 'absent')
        current.stopTimer = after(keptMs, forget)
      }
      return new Map([...found].filter(([name]) => !others.includes(name)))
    },
    drop(names) {
      for (const name of names) login?.rows?.delete(name)
    },
    forget,
  }
}
