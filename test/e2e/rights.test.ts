/**
 * Rights against use (R33): each route and action is driven, and the items that each role touches are compared with what
 * the template grants it. All other tests of whole runs find missing rights as well, because the embedded DynamoDB
 * refuses such calls; this one also finds rights that nothing uses.
 */
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { companyKey, partitionKey, placeSortKeyPrefix, sortKey, ttlAttribute } from '#shared/dynamo/table.ts'
import { allowedBy } from '../../local/services/item-rights.ts'
import { type OneEndpoint, startOneEndpoint } from '../local/support/one-endpoint.ts'
import { restartHosts } from '../support/linked-fleet.ts'
import { pidOf } from '../support/process-ids.ts'
import { link, outcomeOf, type Stage, startStage, steadyLeases } from '../support/stage.ts'

let engines: OneEndpoint
let stage: Stage

beforeAll(async () => {
  engines = await startOneEndpoint()
  stage = await startStage({
    env: { AWS_ENDPOINT_URL: engines.url },
    environment: { ...steadyLeases, CODE_DEADLINE_SECONDS: '10' },
  })
})
afterAll(async () => {
  await stage?.stop()
  await engines?.stop()
})

/** Rights that only rare paths use, which would take minutes or an outage at a certain moment. */
const rare = {
  'connect DeleteItem C#*': 'a company has more connections than places, and two of them have been open for 30 s',
  'message GetItem RATE#*': 'a connection sends more messages than it may',
  'pairing DeleteItem SHARD#*': 'SQS does not take the command of a first request, which then ends at once',
  'credentials UpdateItem SHARD#*': 'the company is still listed by a former number of shards',
  'watchdog UpdateItem SHARD#*': 'the company is still listed by a former number of shards',
  'host Query PHONE#*':
    'a request waits for a session that turns out to have ended, and its attempt needs a code after all',
  'host GetItem SHARD#*': 'a claim of a lease is refused, or its answer is lost',
  'host GetItem C#*#G#*': 'a write of credentials is refused, because a later one came before it',
} as const satisfies Readonly<Record<string, string>>

const admin = { role: 'admin' } as const
const pathOf = (companyId: string) => `/api/whatsapp/sessions/${companyId}`

/** Returns the items touched, as `role action partition` with `*` for ids. */
const used = () => new Set(engines.items.map(({ role, action, partition }) => `${role} ${action} ${formOf(partition)}`))

const formOf = (partition: string) =>
  /^C#.*#G#/.test(partition) ? 'C#*#G#*' : partition.replace(/^([A-Z]+)#.*$/, '$1#*')

const rolesOf = ({ cloud }: Stage['run']) =>
  [...cloud.functions, ...cloud.containers].flatMap(({ role }) => (role ? [role] : []))

/** Lists a connection that is closed: the next push finds that out, and removes it. */
async function listClosedConnection(companyId: string): Promise<void> {
  const { clients, cloud } = stage.run
  const item = {
    [partitionKey]: companyKey(companyId),
    [sortKey]: `${placeSortKeyPrefix}19`,
    connectionId: 'closed',
    language: 'ru',
    connectedAt: Date.now() - 60_000,
    [ttlAttribute]: Math.floor(Date.now() / 1000) + 3_600,
  }
  const TableName = cloud.containers[0]?.environment['CONTROL_TABLE']
  await DynamoDBDocumentClient.from(clients.dynamodb).send(new PutCommand({ TableName, Item: item }))
}

/** Requests that no host accepts, so that functions end them: the host's process stands still meanwhile. */
async function withoutHost(): Promise<void> {
  const pid = pidOf(stage.run.hostProcesses()[0])
  process.kill(pid, 'SIGSTOP')
  try {
    const [cancelled, deleted, overdue] = [stage.fresh(), stage.fresh(), stage.fresh()]
    const client = await stage.client(cancelled.companyId)
    await listClosedConnection(cancelled.companyId)
    await client.ask('request-pairing-code', 'pairing-started', { phoneNumber: cancelled.phone.number })
    await client.ask('cancel-pairing', 'pairing-cancelled')
    await client.close()
    for (const { companyId, phone } of [deleted, deleted, overdue]) {
      await listClosedConnection(companyId)
      const headers = { 'idempotency-key': companyId }
      const request = { body: { phoneNumber: phone.number }, headers }
      expect((await stage.http('POST', `${pathOf(companyId)}/pairing-code`, { companyId }, request)).status).toBe(202)
    }
    for (const { companyId } of [deleted, overdue]) await listClosedConnection(companyId)
    const reset = await stage.http('DELETE', `${pathOf(deleted.companyId)}/credentials`, deleted)
    expect(reset.status).toBe(200)
    await expect.poll(used).toContain('watchdog DeleteItem C#*')
    await expect.poll(used).toContain('watchdog UpdateItem METRIC#*')
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

/** A link, what can be asked about it, and its end by the phone; and a request that WhatsApp refuses. */
async function withHost(): Promise<void> {
  const [linked, refused] = [stage.fresh(), stage.fresh()]
  const client = await link(stage, linked.companyId, linked.phone)
  await client.ask('get-status', 'status')
  for (const [as, route] of [
    [linked, pathOf(linked.companyId)],
    [linked, `${pathOf(linked.companyId)}/attempt`],
    [linked, `${pathOf(linked.companyId)}/credentials/status`],
    [admin, '/api/whatsapp/sessions'],
    [admin, '/api/whatsapp/metrics'],
    [admin, '/api/whatsapp/fuse'],
  ] as const)
    expect((await stage.http('GET', route, as)).status, route).toBe(200)
  // A host that has not linked the company itself reads its credentials; one that stops writes what it has counted.
  await restartHosts(stage.run)
  await client.next('whatsapp-connected')
  await listClosedConnection(linked.companyId)
  await linked.phone.unlink()
  await expect.poll(used).toContain('host PutItem FUSE')
  expect((await stage.http('DELETE', '/api/whatsapp/fuse', admin)).status).toBe(200)
  await client.close()
  const other = await stage.client(refused.companyId)
  await refused.phone.behave('rate-limited')
  expect(await outcomeOf(other, refused.phone)).toBe('RATE_LIMITED')
  await other.close()
  await expect.poll(used).toContain('host BatchWriteItem C#*#G#*')
}

it('every use is a right, and every right is used', async () => {
  await withHost()
  await withoutHost()
  const roles = rolesOf(stage.run)
  const allows = new Map(roles.map(({ name, rights }) => [name, allowedBy(rights)]))
  const forbidden = engines.items.filter(
    // The local run itself has a role of no template.
    ({ role, partition, ...call }) => role !== 'local' && !allows.get(role)?.({ ...call, partitions: [partition] }),
  )
  expect(forbidden).toEqual([])
  const granted = roles.flatMap(({ name, rights }) =>
    rights.flatMap(({ actions, leadingKeys = ['*'] }) =>
      actions.flatMap((action) => leadingKeys.map((key) => `${name} ${action.replace('dynamodb:', '')} ${key}`)),
    ),
  )
  expect(granted).toEqual(expect.arrayContaining(Object.keys(rare)))
  const unused = granted.filter((right) => !used().has(right) && !(right in rare))
  expect(unused).toEqual([])
})
