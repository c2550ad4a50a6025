/** The contracts, for the stores on dynalite, the engine of a local run. */
import { describeDynamoStores } from './engines/dynamo-stores.ts'
import { startDynalite } from './engines/engines.ts'

describeDynamoStores(startDynalite, { runs: 15 })
