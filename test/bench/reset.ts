/**
 * Benchmark of reset and phone change, which are one write whatever the number of stored keys: with 10, 1,000 and
 * 10,000 rows.
 */
import { randomBytes } from 'node:crypto'
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb'
import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { generationKey } from '#shared/dynamo/table.ts'
import type { CompanyStore, GenerationRef } from '#shared/ports.ts'
import { connect, createTable, startDynalite, type Table } from '../contracts/engines/engines.ts'
import { median, milliseconds, ratio } from './figures.ts'

const sizes = [10, 1_000, 10_000] as const
const rounds = 20
const warmUps = 3
/** DynamoDB's limit for one call. */
const rowsAtOnce = 25
const rowBytes = 200

export async function reset(say: (line: string) => void): Promise<void> {
  const engine = await startDynalite()
  const client = connect(engine)
  const companies = dynamoCompanyStore({ ...(await createTable(client)), shards: 4, clock: Date.now })
  const stored = await createTable(client)
  const credentials = dynamoCredentialStore(stored)
  const generations = sizes.map((size) => ({ size, ref: { companyId: `company-${size}`, generation: 'g' } }))
  for (const { size, ref } of generations) await fill(stored, ref, size)
  const times = sizes.map(() => ({ resets: [] as number[], changes: [] as number[] }))
  for (let round = -warmUps; round < rounds; round++)
    for (const [index, { ref }] of generations.entries()) {
      await install(companies, ref)
      const resetMs = await timed(() =>
        companies.decide(ref.companyId, (state, now) => resetCredentials(state, [], now)),
      )
      await install(companies, ref)
      const changeMs = await timed(() => changePhone(companies, ref.companyId, round))
      if (round < 0) continue
      times[index]?.resets.push(resetMs)
      times[index]?.changes.push(changeMs)
    }
  say(`reset and phone change until nothing stored can be read, median of ${rounds} in turns; the sweep follows later`)
  const [base] = times
  for (const [index, { size, ref }] of generations.entries()) {
    const { resets, changes } = times[index] ?? { resets: [], changes: [] }
    const [resetMs, changeMs] = [median(resets), median(changes)]
    const sweepMs = await timed(() => credentials.sweep(ref))
    say(
      `  ${String(size).padStart(6)} rows  reset ${milliseconds(resetMs)} ${ratio(resetMs, median(base?.resets ?? []))}` +
        `  phone change ${milliseconds(changeMs)} ${ratio(changeMs, median(base?.changes ?? []))}  sweep ${milliseconds(sweepMs)}`,
    )
  }
  client.destroy()
  await engine.stop()
}

/**
 * Writes the rows of a generation directly to the table: ten thousand writes through the store, with its journal, would
 * take minutes.
 */
async function fill({ client, table }: Table, { companyId, generation }: GenerationRef, size: number): Promise<void> {
  const pk = generationKey(companyId, generation)
  for (let from = 0; from < size; from += rowsAtOnce) {
    const puts = Array.from({ length: Math.min(rowsAtOnce, size - from) }, (_, index) => ({
      PutRequest: { Item: { pk, sk: `session#${from + index}`, ep: 1, n: 1, data: randomBytes(rowBytes) } },
    }))
    await client.send(new BatchWriteCommand({ RequestItems: { [table]: puts } }))
  }
}

/** Makes the rows the company's current generation, with a connected session. */
const install = (companies: CompanyStore, { companyId, generation }: GenerationRef) =>
  companies.decide(companyId, (state, now) => ({
    state: {
      fence: state.fence,
      epoch: 1,
      cleanup: [],
      credentials: { generation, wrappedKey: 'key', phone: '79001234567', linkedAt: now },
      session: { status: 'connected' as const, since: now, epoch: 1 },
    },
    notices: [],
    outcome: undefined,
  }))

/** Makes both decisions from the request for another phone until the old credentials are retired. */
async function changePhone(companies: CompanyStore, companyId: string, round: number): Promise<void> {
  const attemptId = `attempt-${round}`
  const request = { attemptId, method: 'code', phone: '79161234567', correlationId: attemptId } as const
  const { state } = await companies.decide(companyId, (before, now) =>
    requestPairing(before, { ...request, deadline: now + 20_000 }, now),
  )
  const ref = { attemptId, fence: state.fence, owner: { hostId: 'host', epoch: 1 } }
  const accepted = await companies.decide(companyId, (before, now) => acceptAttempt(before, ref, 'replace', now))
  if (accepted.outcome !== 'pair' || accepted.state.credentials) throw new Error('The old credentials are still there')
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
