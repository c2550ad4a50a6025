/**
 * Reads a stored generation: unwraps its data key, loads its creds and raises the generation's epoch to this host's.
 * Signal keys are read on demand.
 */
import type { Credentials } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'

export type StoredGeneration = {
  readonly companyId: string
  readonly generation: string
  readonly wrappedKey: string
}

/**
 * Returns the credentials of the generation. `unreadable` means that they are missing, altered, corrupt or not linked,
 * for good. `fenced` means that this host has lost its lease. Rejects when the store or KMS cannot be reached.
 */
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
