/** The stored links of companies, as their hosts see them in the control table. */
import { inParallel } from '#shared/async/in-parallel.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { documentClient } from '#shared/dynamo/document-client.ts'
import type { LocalRun } from '../../local/local-run.ts'
import { credentials, region } from '../../local/services/account.ts'

/** A stored link, or its absence. */
export type StoredLink = {
  readonly companyId: string
  /** The generation of the stored credentials; undefined without a link. */
  readonly generation: string | undefined
  /** Reasons for which earlier links of the company were retired, as far as they are not swept yet. */
  readonly retired: readonly string[]
}

export type StoredLinks = {
  /** Rejects while the table is away. */
  read(companyIds: readonly string[]): Promise<readonly StoredLink[]>
  close(): void
}

const concurrency = 8

/** Opens the control table of a run. */
export function storedLinks(run: LocalRun): StoredLinks {
  const environment = run.cloud.containers[0]?.environment ?? {}
  const client = documentClient({}, { endpoint: run.endpoints.dynamodb, region, credentials })
  const table = environment['CONTROL_TABLE'] ?? ''
  const store = dynamoCompanyStore({ client, table, shards: Number(environment['SHARDS']), clock: Date.now })
  return {
    read: (companyIds) =>
      inParallel(companyIds, concurrency, async (companyId) => {
        const { credentials: link, cleanup } = (await store.read(companyId)).state
        return { companyId, generation: link?.generation, retired: cleanup.map(({ reason }) => reason) }
      }),
    close: () => client.destroy(),
  }
}
