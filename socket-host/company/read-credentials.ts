/** Reads a stored generation: its data key is unwrapped, its rows are loaded and stamped with this host's epoch. */
import type { Credentials } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'

export type StoredGeneration = {
  readonly companyId: string
  readonly generation: string
  readonly wrappedKey: string
}

/** `unreadable`: missing, altered, corrupt or not linked, for good. `fenced`: another host rules by now. */
export async function readCredentials(
  deps: CompanyDeps,
  lease: OwnedLease,
  { companyId, generation, wrappedKey }: StoredGeneration,
): Promise<Credentials | 'unreadable' | 'fenced'> {
  const dataKey = await deps.dataKeys.unwrap({ companyId, generation }, wrappedKey)
  if (dataKey === 'refused') return 'unreadable'
  if (!lease.isOwner()) return 'fenced'
  const target = { companyId, generation, dataKey, epoch: lease.epoch, isOwner: lease.isOwner }
  const loaded = await deps.whatsApp.load(target)
  return loaded === 'absent' || loaded === 'corrupt' ? 'unreadable' : loaded
}
