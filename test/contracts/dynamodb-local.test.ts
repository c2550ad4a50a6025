/** The contracts, for the stores on AWS's DynamoDB Local, if there is a JDK to run it. */
import { describe } from 'vitest'
import { describeDynamoStores } from './engines/dynamo-stores.ts'
import { hasJava, startDynamoDbLocal } from './engines/engines.ts'

const isWanted = process.env['DYNAMODB_LOCAL'] !== '0' && hasJava()

describe.runIf(isWanted)('on DynamoDB Local (with a JDK of 17 or later, unless DYNAMODB_LOCAL=0)', () => {
  describeDynamoStores(startDynamoDbLocal, { runs: 5 })
})
