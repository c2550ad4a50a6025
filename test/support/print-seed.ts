/** A global setup: says which walks this run takes. */
import { seed } from './seed.ts'

export default function printSeed(): void {
  console.log(`random walks: seed ${seed}`)
}
