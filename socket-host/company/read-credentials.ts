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
  /** These credentials are known to be unreadable alone, or retired: that says nothing about this host. */
  readonly isExpected?: true
}

/**
 * Returns the credentials of the generation (R47). `damaged`: the creds row is missing or not linked, or altered although
 * the key opens other rows of the generation. `unreadable`: KMS refuses the key, the key opens no row at all, or the row
 * has a form that this build does not know: the fault may be this build's or its settings'. `fenced`: this host has lost
 * its lease. Rejects when the store or KMS cannot be reached.
 */
export async function readCredentials(
  deps: CompanyDeps,
  lease: OwnedLease,
  stored: StoredGeneration,
): Promise<Credentials | 'damaged' | 'unreadable' | 'fenced'> {
  const read = await readStored(deps, lease, stored)
  if (read === 'unreadable') deps.readings.unreadable(stored, stored.isExpected)
  else if (read === 'damaged' && !stored.isExpected) deps.readings.damaged(stored)
  else if (typeof read === 'object') deps.readings.readable()
  return read
}

async function readStored(
  deps: CompanyDeps,
  lease: OwnedLease,
  { companyId, generation, wrappedKey }: StoredGeneration,
): ReturnType<typeof readCredentials> {
  const dataKey = await deps.dataKeys.unwrap({ companyId, generation }, wrappedKey)
  if (dataKey === 'refused') return 'unreadable'
  if (!lease.isOwner()) return 'fenced'
  const target = { companyId, generation, dataKey, epoch: lease.epoch, isOwner: lease.isOwner }
  return deps.whatsApp.load(target)
}
