/**
 * A global setup of Vitest that synthesizes templates and bundles once for all tests of the whole system. Other tests can run
 * meanwhile: only `assemblyFolder` waits for the result.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { synthesize } from '../../local/synth.ts'

/** The default of `startLocal`. */
const shards = 4
const variable = 'PAIRPLANE_TEST_ASSEMBLY'
const pollMs = 50
/** Time limit of the synthesis, which takes half a minute on a busy machine. */
const timeoutMs = 180_000

/** Starts the synthesis, and writes its outcome to a file, because tests run in processes of their own. */
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
    // Renamed when complete: a reader must not find half of it.
    .then(() => rename(`${note}.new`, note))
    .catch((error: unknown) => console.error('Could not write the outcome of the synthesis', error))
  return async () => {
    stopping.abort()
    const [made] = await Promise.allSettled([synthesis, noted])
    if (made.status === 'fulfilled') made.value.remove()
    await rm(notes, { recursive: true, force: true })
  }
}

/** Waits for the synthesis and returns its folder; undefined outside of a test run. Throws when the synthesis failed. */
export async function assemblyFolder(): Promise<string | undefined> {
  const note = process.env[variable]
  if (note === undefined) return undefined
  const until = performance.now() + timeoutMs
  while (!existsSync(note)) {
    if (performance.now() > until) throw new Error('The synthesis has not ended within three minutes')
    await pause(pollMs)
  }
  const { folder, failure } = JSON.parse(await readFile(note, 'utf8')) as { folder?: string; failure?: string }
  if (folder === undefined) throw new Error(`The synthesis failed: ${failure}`)
  return folder
}
