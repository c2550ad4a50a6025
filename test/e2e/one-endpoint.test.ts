/** A local run on external engines that are all at `AWS_ENDPOINT_URL` (R40). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OneEndpoint, startOneEndpoint } from '../local/support/one-endpoint.ts'
import { link, type Stage, startStage } from '../support/stage.ts'

let engines: OneEndpoint
let stage: Stage
beforeAll(async () => {
  engines = await startOneEndpoint()
  stage = await startStage({ env: { AWS_ENDPOINT_URL: engines.url } })
})
afterAll(async () => {
  await stage?.stop()
  await engines?.stop()
})

it('all services are the ones at AWS_ENDPOINT_URL', () => {
  expect(new Set(Object.values(stage.run.endpoints))).toEqual(new Set([engines.url]))
})

it('a company links there, with its tables, queues, keys and secrets', async () => {
  const { companyId, phone } = stage.fresh()
  const client = await link(stage, companyId, phone)
  await client.close()
  const called = (service: string) => [...(engines.called.get(service) ?? [])]
  expect(called('DynamoDB_20120810')).toEqual(expect.arrayContaining(['CreateTable', 'PutItem', 'UpdateItem', 'Query']))
  expect(called('AmazonSQS')).toEqual(expect.arrayContaining(['CreateQueue', 'SendMessage', 'ReceiveMessage']))
  expect(called('TrentService')).toEqual(expect.arrayContaining(['CreateKey', 'GenerateDataKey']))
  expect(called('secretsmanager')).toEqual(expect.arrayContaining(['CreateSecret', 'GetSecretValue']))
})
