/** The link that a registration makes: its generation, its data key, and its rows (R6, R7). */
import type { Credentials } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'

/** Data key of a generation, in clear and wrapped by KMS (base64). */
type DataKey = { readonly key: Uint8Array; readonly wrappedKey: string }

export type PendingLink = {
  /** Chooses the generation and creates its data key, once; later calls return the same. Rejects when KMS fails. */
  prepare(): Promise<DataKey & { readonly generation: string }>
  /**
   * Writes the linked credentials under their generation. Once they are written, further calls write nothing. `fenced`:
   * this host no longer owns the shard. Rejects when the store or KMS fails.
   */
  store(): Promise<'written' | 'fenced'>
  /** True once every row of the link is stored; only then can another host log in as the device and unlink it. */
  isStored(): boolean
}

/** Makes the pending link of a registration. Nothing is chosen, created or stored yet. */
export function pendingLink(
  deps: CompanyDeps,
  companyId: string,
  lease: OwnedLease,
  credentials: Credentials,
): PendingLink {
  let generation: string | undefined
  let dataKey: DataKey | undefined
  let isStored = false

  async function prepare() {
    generation ??= deps.newGeneration()
    dataKey ??= await deps.dataKeys.create({ companyId, generation })
    return { generation, ...dataKey }
  }

  return {
    prepare,
    store: async () => {
      if (isStored) return 'written'
      const { generation: name, key } = await prepare()
      const target = { companyId, generation: name, dataKey: key, epoch: lease.epoch, isOwner: lease.isOwner }
      const outcome = await deps.whatsApp.persist(credentials, target)
      isStored = outcome === 'written'
      return outcome
    },
    isStored: () => isStored,
  }
}
