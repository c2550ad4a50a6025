/** Size of a host of prod, for benchmarks that say what such a host can do. */
import { heapMb, stages } from '../../cdk/stage.ts'

const { prod } = stages
if (!prod) throw new Error('there is no stage prod')

/** Options of a local run: the hosts of the stage `dev` have a quarter of this heap, and collect garbage more often. */
export const prodHost = { hostHeapMb: heapMb(prod) } as const
