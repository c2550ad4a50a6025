/**
 * Synthesizes the templates and bundles once for all tests that run the whole system. Other tests run meanwhile: only
 * `assemblyFolder` waits for it.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { synthesize } from '../../local/synth.ts'

/** As many as `startLocal` has by default. */
const shards = 4
const variable = 'PAIRPLANE_TEST_ASSEMBLY'
const pollMs = 50
/** A machine that others use takes half a minute. */
const withinMs = 180_000

/** Says in a file what has come of the synthesis, since tests run in processes of their own. */
export default async function setup(): Promise<() => Promise<void>> {
  const notes = await mkdtemp(join(tmpdir(), 'pairplane-assembly-'))
  const note = join(notes, 'note')
  process.env[variable] = note
  const stopping = new AbortController()
  const synthesis = synthesize(shards, stopping.signal)
  const noted = synthesis
    .then(
      ({ folder }) => ({ folder }),
      (error: unknown) => ({ failure: String(error) }),
    )
    .then((outcome) => writeFile(`${note}.new`, JSON.stringify(outcome)))
    // Whole or not at all: a reader must not find half of it.
    .then(() => rename(`${note}.new`, note))
    .catch((error: unknown) => console.error('Nobody will hear that the templates are made', error))
  return async () => {
    stopping.abort()
    const [made] = await Promise.allSettled([synthesis, noted])
    if (made.status === 'fulfilled') made.value.remove()
    await rm(notes, { recursive: true, force: true })
  }
}

/** The folder, once it is complete; undefined outside of a test run. Throws what the synthesis has failed with. */
export async function assemblyFolder(): Promise<string | undefined> {
  const note = process.env[variable]
  if (note === undefined) return undefined
  const until = performance.now() + withinMs
  while (!existsSync(note)) {
    if (performance.now() > until) throw new Error('The templates are not made yet, after three minutes')
    await pause(pollMs)
  }
  const { folder, failure } = JSON.parse(await readFile(note, 'utf8')) as { folder?: string; failure?: string }
  if (folder === undefined) throw new Error(`The templates could not be made: ${failure}`)
  return folder
}
