import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** A folder that is gone when the file's tests are over. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pairplane-test-'))
  made.push(folder)
  return folder
}

/**
 * Removes what this process has made. Called after each file: a hook of this module itself would be registered for the
 * first file alone, since files share the modules of their process.
 */
export function removeTemporary(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
}
