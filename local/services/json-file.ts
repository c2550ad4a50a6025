/** Small state in a JSON file, which is read once and always replaced as a whole. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import * as v from 'valibot'

/** State that survives a restart when it has a file, and is only in memory otherwise. */
export type Stored<T> = { get(): T; set(value: T): void }

/** Opens a state file; `initial` is the state when there is no file yet. */
export function storedJson<T>(path: string | undefined, schema: v.GenericSchema<unknown, T>, initial: T): Stored<T> {
  let value = path === undefined ? initial : (readJson(path, schema) ?? initial)
  return {
    get: () => value,
    set(next) {
      value = next
      if (path !== undefined) writeJson(path, next)
    },
  }
}

/**
 * Parses a JSON file; undefined when there is none. Throws an error that names the file when it does not fit the
 * schema.
 */
export function readJson<T>(path: string, schema: v.GenericSchema<unknown, T>): T | undefined {
  const text = readIfPresent(path)
  if (text === undefined) return undefined
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  if (!parsed.success) throw new Error(`${path} is damaged: ${parsed.issues[0].message}`)
  return parsed.output
}

/**
 * Replaces a file in one step, so that a crash leaves the old or the new content. Only its owner can read it, since it
 * may hold keys.
 */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.new`
  writeFileSync(temporary, `${JSON.stringify(value, undefined, 1)}\n`, { mode: 0o600 })
  renameSync(temporary, path)
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
