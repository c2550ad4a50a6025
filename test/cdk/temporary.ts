import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const made: string[] = []
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder that is gone when the file's tests are over. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pairplane-cdk-'))
  made.push(folder)
  return folder
}
