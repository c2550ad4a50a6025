/** Synthesizes the templates and bundles once for all tests that run the whole system; stages find the folder here. */
import { synthesize } from '../../local/synth.ts'

/** As many as `startLocal` has by default. */
const shards = 4

export default async function setup(): Promise<(() => void) | undefined> {
  if (process.env['PAIRPLANE_ASSEMBLY']) return undefined
  const { folder, remove } = await synthesize(shards, new AbortController().signal)
  process.env['PAIRPLANE_ASSEMBLY'] = folder
  return remove
}
