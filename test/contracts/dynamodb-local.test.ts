/** The stores on AWS's own DynamoDB Local: too slow for every run, so only where it is asked for. */
import { describe } from 'vitest'
import { describeDynamoStores } from './engines/dynamo-stores.ts'
import { hasJava, startDynamoDbLocal } from './engines/engines.ts'

const isWanted = process.env['DYNAMODB_LOCAL'] === '1' && hasJava()

describe.runIf(isWanted)('on DynamoDB Local (with DYNAMODB_LOCAL=1 and a JDK of 17 or later)', () => {
  describeDynamoStores(startDynamoDbLocal, { runs: 5 })
})
