import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** Creates a folder that is removed after the tests of the file. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pairplane-test-'))
  made.push(folder)
  return folder
}

/**
 * Removes the temporary folders of this process. The setup file calls it after each test file: a hook in this module would be
 * registered only for the first one, because test files share the modules of their process.
 */
export function removeTemporary(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
}
