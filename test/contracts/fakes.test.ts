/** The fakes keep what the real stores keep. */
import { memoryCompanyStore } from '../fakes/memory-company-store.ts'
import { memoryConnectionStore } from '../fakes/memory-connection-store.ts'
import { memoryCredentialStore } from '../fakes/memory-credential-store.ts'
import { memoryDataKeys } from '../fakes/memory-data-keys.ts'
import { memoryLeaseStore } from '../fakes/memory-lease-store.ts'
import { describeCompanyStore } from './company-store.contract.ts'
import { describeConnectionStore } from './connection-store.contract.ts'
import { describeCredentialStore } from './credential-store.contract.ts'
import { describeDataKeys } from './data-keys.contract.ts'
import { describeLeaseStore } from './lease-store.contract.ts'

describeCompanyStore({
  shards: 4,
  make: async (clock) => memoryCompanyStore(clock, 4),
  makeLosingAnswer: async (clock) => {
    const store = memoryCompanyStore(clock, 4)
    store.loseNextAnswer()
    return store
  },
})
describeConnectionStore({ make: async (clock, limit) => memoryConnectionStore(clock, limit) })
describeLeaseStore({ make: async () => memoryLeaseStore(), runs: 100 })
describeCredentialStore({
  make: async () => {
    const store = memoryCredentialStore()
    return { open: () => store, spoil: async (ref) => store.spoil(ref) }
  },
  runs: 100,
})
describeDataKeys({ make: async () => memoryDataKeys() })
