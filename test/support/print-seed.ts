/** A global setup of Vitest that prints the seed of the run. */
import { seed } from './seed.ts'

export default function printSeed(): void {
  console.log(`random walks: seed ${seed}`)
}
