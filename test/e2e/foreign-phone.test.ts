/** Requests for somebody else's number leave codes for its owner (R24), with the default limits of codes. */
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { documentClient } from '#shared/dynamo/document-client.ts'
import { credentials, region } from '../../local/services/account.ts'
import type { Client, Frame } from '../support/client.ts'
import { link, type Phone, type Stage, startStage, steadyLeases } from '../support/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage({ environment: steadyLeases })
})
afterAll(() => stage?.stop())

/** Asks for codes until there is none; cancels each attempt. Returns how many there were, and the refusal. */
async function codesLeft(client: Client, phone: Phone): Promise<{ codes: number; refusal: Frame }> {
  for (let codes = 0; ; codes++) {
    const requestId = `code ${codes}`
    client.send({ action: 'request-pairing-code', phoneNumber: phone.number, requestId })
    const isAnswer = ({ event }: Frame) => event === 'pairing-code' || event === 'pairing-code-error'
    const answer = await client.next((frame) => frame['requestId'] === requestId && isAnswer(frame))
    if (answer.event !== 'pairing-code') return { codes, refusal: answer }
    await client.ask('cancel-pairing', 'pairing-cancelled')
  }
}

/** Returns the rows of companies that have linked a phone. */
async function phoneRows(companyId: string): Promise<readonly Record<string, unknown>[]> {
  const { endpoints, cloud } = stage.run
  const client = documentClient({}, { endpoint: endpoints.dynamodb, region, credentials })
  const found = await client.send(
    new ScanCommand({
      TableName: cloud.containers[0]?.environment['CONTROL_TABLE'],
      FilterExpression: 'begins_with(pk, :phone) AND sk = :company',
      ExpressionAttributeValues: { ':phone': 'PHONE#', ':company': `C#${companyId}` },
    }),
  )
  client.destroy()
  return found.Items ?? []
}

it('gives another company what is left of three codes for a linked phone, and its owner all five', async () => {
  const { companyId, phone } = stage.fresh()
  const refusal = { code: 'RATE_LIMITED', retryAfter: expect.any(Number) }
  const owner = await link(stage, companyId, phone)
  await expect.poll(() => phoneRows(companyId)).toMatchObject([{ linkedAt: expect.any(Number) }])
  const stranger = await stage.client(stage.fresh().companyId)
  // The link itself has taken the first code.
  expect(await codesLeft(stranger, phone)).toMatchObject({ codes: 2, refusal })
  await owner.ask('reset-whatsapp-credentials', 'credentials-reset')
  await expect.poll(() => phoneRows(companyId)).toMatchObject([{ removedAt: expect.any(Number) }])
  expect(await codesLeft(owner, phone)).toMatchObject({ codes: 2, refusal })
  await Promise.all([owner.close(), stranger.close()])
})
