/** The run's tables, for tests that alter and delete items by hand. */
import { DeleteCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { documentClient } from '#shared/dynamo/document-client.ts'
import { companyKey, partitionKey, sortKey, stateSortKey } from '#shared/dynamo/table.ts'
import type { LocalRun } from '../../local/local-run.ts'
import { credentials, region } from '../../local/services/account.ts'

export type Item = Readonly<Record<string, unknown>>

export type Tables = {
  /** Reads the rows of credentials of all generations of a company. */
  readonly credentialRows: (companyId: string) => Promise<readonly Item[]>
  readonly putCredentialRow: (item: Item) => Promise<void>
  readonly deleteCredentialRow: (item: Item) => Promise<void>
  readonly state: (companyId: string) => Promise<CompanyState>
  /** Deletes the company's `STATE`. */
  readonly deleteState: (companyId: string) => Promise<void>
  readonly close: () => void
}

export function tablesOf(run: LocalRun): Tables {
  const environment = run.cloud.containers[0]?.environment ?? {}
  const [control, stored] = [environment['CONTROL_TABLE'] ?? '', environment['CREDENTIALS_TABLE'] ?? '']
  const client = documentClient({}, { endpoint: run.endpoints.dynamodb, region, credentials })
  const companies = dynamoCompanyStore({
    client,
    table: control,
    shards: Number(environment['SHARDS']),
    clock: Date.now,
  })
  const keyOf = (item: Item) => ({ [partitionKey]: item[partitionKey], [sortKey]: item[sortKey] })
  return {
    credentialRows: async (companyId) => {
      const items: Item[] = []
      let from: Record<string, unknown> | undefined
      do {
        const page = await client.send(
          new ScanCommand({ TableName: stored, ConsistentRead: true, ...(from && { ExclusiveStartKey: from }) }),
        )
        items.push(...(page.Items ?? []))
        from = page.LastEvaluatedKey
      } while (from)
      return items.filter((item) => String(item[partitionKey]).startsWith(`${companyKey(companyId)}#`))
    },
    putCredentialRow: async (item) => {
      await client.send(new PutCommand({ TableName: stored, Item: item }))
    },
    deleteCredentialRow: async (item) => {
      await client.send(new DeleteCommand({ TableName: stored, Key: keyOf(item) }))
    },
    state: async (companyId) => (await companies.read(companyId)).state,
    deleteState: async (companyId) => {
      const key = { [partitionKey]: companyKey(companyId), [sortKey]: stateSortKey }
      await client.send(new DeleteCommand({ TableName: control, Key: key }))
    },
    close: () => client.destroy(),
  }
}
