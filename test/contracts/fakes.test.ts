/** The contracts, for the fakes. */
import { memoryBudgetStore } from '../fakes/memory-budget-store.ts'
import { memoryCompanyStore } from '../fakes/memory-company-store.ts'
import { memoryConnectionStore } from '../fakes/memory-connection-store.ts'
import { memoryCredentialStore } from '../fakes/memory-credential-store.ts'
import { memoryDataKeys } from '../fakes/memory-data-keys.ts'
import { memoryFuse } from '../fakes/memory-fuse.ts'
import { memoryIdempotencyStore } from '../fakes/memory-idempotency-store.ts'
import { memoryLeaseStore } from '../fakes/memory-lease-store.ts'
import { memoryPhoneLinks } from '../fakes/memory-phone-links.ts'
import { memoryRequestCounter } from '../fakes/memory-request-counter.ts'
import { recordingCommandQueue } from '../fakes/recording-command-queue.ts'
import { describeBudgetStore } from './budget-store.contract.ts'
import { describeCommandQueue } from './command-queue.contract.ts'
import { describeCompanyStore } from './company-store.contract.ts'
import { describeConnectionStore } from './connection-store.contract.ts'
import { describeCredentialStore } from './credential-store.contract.ts'
import { describeDataKeys } from './data-keys.contract.ts'
import { describeFuse } from './fuse.contract.ts'
import { describeIdempotencyStore } from './idempotency-store.contract.ts'
import { describeLeaseStore } from './lease-store.contract.ts'
import { describePhoneLinks } from './phone-links.contract.ts'
import { describeRequestCounter } from './request-counter.contract.ts'

describeCompanyStore({
  shards: 4,
  make: async (clock) => memoryCompanyStore(clock, 4),
  makeLosingAnswer: async (clock) => {
    const store = memoryCompanyStore(clock, 4)
    store.loseNextAnswer()
    return store
  },
  makeLosingRaces: async (clock) => {
    const store = memoryCompanyStore(clock, 4)
    store.loseRaces()
    return store
  },
})
describeConnectionStore({ make: async (clock, limit) => memoryConnectionStore(clock, limit), runs: 100 })
describeLeaseStore({ make: async () => memoryLeaseStore(), runs: 100 })
describeCredentialStore({
  make: async () => {
    const store = memoryCredentialStore()
    return { open: () => store, spoil: async (ref) => store.spoil(ref) }
  },
  runs: 100,
})
describeDataKeys({ make: async () => memoryDataKeys() })
describeBudgetStore({ make: async () => memoryBudgetStore() })
describePhoneLinks({ make: async () => memoryPhoneLinks(), runs: 100 })
describeFuse({ make: async (clock) => memoryFuse(clock) })
describeIdempotencyStore({ make: async () => memoryIdempotencyStore() })
describeRequestCounter({ make: async () => memoryRequestCounter() })
describeCommandQueue({
  make: async () => {
    const queue = recordingCommandQueue()
    return { queue, arrived: async () => queue.arrived() }
  },
})
