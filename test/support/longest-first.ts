/** The order of the test files: the longest start first, so that the run does not end with one long file alone. */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take more than ten seconds, the longest first. A missing name only makes the run longer. */
const long = [
  'e2e/isolation',
  'contracts/dynamodb-local',
  'contracts/dynalite',
  'e2e/failures',
  'e2e/failover',
  'e2e/credentials',
  'e2e/patience',
  'chaos/short',
  'e2e/pairing',
  'e2e/capacity',
  'shared/dynamo/credentials/credential-store-faults',
  'socket-host/whatsapp/credentials/half-sets',
  'properties/half-sets.property',
  'properties/credentials.property',
  'simulator/linking',
  'simulator/failures-linking',
  'socket-host/whatsapp/baileys-whatsapp',
  'local/gateway/websocket-api',
]

const rank = ({ moduleId }: TestSpecification): number => {
  const index = long.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`))
  return index < 0 ? long.length : index
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}
