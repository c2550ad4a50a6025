import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateTableCommand, GetItemCommand, PutItemCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import { CreateKeyCommand, DecryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms'
import { CreateSecretCommand, GetSecretValueCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import * as v from 'valibot'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clientsFor, destroyClients } from '../../../local/services/clients.ts'
import { GenerateSecretString, generateSecret } from '../../../local/services/generated-secret.ts'
import { startServices } from '../../../local/services/services.ts'
import { createQueue } from '../../../local/template/queues.ts'
import { temporary } from '../../support/temporary.ts'

async function start(dataDir?: string, env: NodeJS.ProcessEnv = {}) {
  const unknown: string[] = []
  const services = await startServices({ dataDir, env, onUnknownCall: (what) => unknown.push(what) })
  const clients = clientsFor(services.endpoints)
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    destroyClients(clients)
    await services.stop()
  }
  onTestFinished(stop)
  return { ...clients, services, unknown, stop }
}

describe('KMS', () => {
  test('data keys come back only with their encryption context', async () => {
    const { kms } = await start()
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}))
    const EncryptionContext = { company: '1', generation: 'a' }
    const key = await kms.send(
      new GenerateDataKeyCommand({ KeyId: KeyMetadata?.Arn, KeySpec: 'AES_256', EncryptionContext }),
    )
    expect(key.Plaintext).toHaveLength(32)
    const { CiphertextBlob } = key
    const again = await kms.send(
      new DecryptCommand({ CiphertextBlob, EncryptionContext: { generation: 'a', company: '1' } }),
    )
    expect(again.Plaintext).toEqual(key.Plaintext)
    expect(again.KeyId).toBe(KeyMetadata?.Arn)
    for (const other of [{ company: '1' }, { company: '2', generation: 'a' }, {}]) {
      await expect(kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: other }))).rejects.toMatchObject({
        name: 'InvalidCiphertextException',
      })
    }
    const damaged = Buffer.from(CiphertextBlob!)
    damaged[damaged.length - 1]! ^= 1
    await expect(kms.send(new DecryptCommand({ CiphertextBlob: damaged, EncryptionContext }))).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    })
  })

  test('unknown keys and operations are refused in the shape of AWS', async () => {
    const { kms, unknown, services } = await start()
    const command = new GenerateDataKeyCommand({ KeyId: 'nobody', KeySpec: 'AES_256' })
    await expect(kms.send(command)).rejects.toMatchObject({ name: 'NotFoundException' })
    const answer = await fetch(services.endpoints.kms, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.Sign' },
    })
    expect(answer.status).toBe(400)
    expect(unknown).toEqual(['TrentService.Sign'])
  })
})

describe('Secrets Manager', () => {
  test('keeps the current and the previous version', async () => {
    const { secretsManager } = await start()
    const { ARN } = await secretsManager.send(new CreateSecretCommand({ Name: 's', SecretString: 'one' }))
    const get = async (VersionStage?: string) =>
      (await secretsManager.send(new GetSecretValueCommand({ SecretId: ARN, VersionStage }))).SecretString
    expect(await get()).toBe('one')
    await expect(get('AWSPREVIOUS')).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    await secretsManager.send(new PutSecretValueCommand({ SecretId: 's', SecretString: 'two' }))
    expect([await get(), await get('AWSCURRENT'), await get('AWSPREVIOUS')]).toEqual(['two', 'two', 'one'])
    await expect(secretsManager.send(new GetSecretValueCommand({ SecretId: 'nobody' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })

  test('generates what the template asks for', () => {
    const options = (input: object) => v.parse(GenerateSecretString, input)
    expect(generateSecret(options({ PasswordLength: 64, ExcludePunctuation: true }))).toMatch(/^[A-Za-z0-9]{64}$/)
    expect(generateSecret(options({}))).toHaveLength(32)
    const template = options({ SecretStringTemplate: '{"user":"a"}', GenerateStringKey: 'password' })
    expect(JSON.parse(generateSecret(template))).toMatchObject({ user: 'a', password: expect.any(String) })
  })
})

describe('SQS', () => {
  test('a message that went to a vanished client is there for the next one at once', async () => {
    const { sqs } = await start()
    const { QueueUrl } = await sqs.send(
      new CreateQueueCommand({ QueueName: 'q.fifo', Attributes: { FifoQueue: 'true', VisibilityTimeout: '30' } }),
    )
    const abort = new AbortController()
    const vanishing = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: abort.signal,
    })
    await sleep(100)
    abort.abort()
    await expect(vanishing).rejects.toThrow()
    await sleep(50)
    await sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: 'a', MessageGroupId: 'g', MessageDeduplicationId: 'd' }),
    )
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }))
    expect(Messages?.map(({ Body }) => Body)).toEqual(['a'])
  })
})

test('DynamoDB survives a client that vanishes in the middle of a request', async () => {
  const { services } = await start()
  const { port } = new URL(services.endpoints.dynamodb)
  const socket = createConnection(Number(port), '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"half":')
  await sleep(50)
  socket.destroy()
  await sleep(50)
  expect(await (await fetch(services.endpoints.dynamodb)).text()).toContain('healthy')
})

describe('a FIFO queue', () => {
  test.each([
    ['queue', 2],
    ['messageGroup', 3],
  ])('with deduplication per %s keeps %i of four messages', async (scope, kept) => {
    const { sqs } = await start()
    const url = await createQueue(sqs, 'commands.fifo', {
      FifoQueue: true,
      DeduplicationScope: scope,
      ...(scope === 'messageGroup' && { FifoThroughputLimit: 'perMessageGroupId' }),
    })
    for (const [group, id] of [
      ['1001', 'a'],
      ['1001', 'a'],
      ['1002', 'a'],
      ['1002', 'b'],
    ])
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: '{}',
          MessageGroupId: group,
          MessageDeduplicationId: id,
        }),
      )
    const name = 'ApproximateNumberOfMessages'
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] }))
    expect(Number(Attributes?.[name])).toBe(kept)
  })
})

describe('a data folder', () => {
  test('keeps tables, keys, secrets and unsent messages', async () => {
    const folder = temporary()
    const schema = { AttributeName: 'pk', AttributeType: 'S' } as const
    const first = await start(folder)
    await first.dynamodb.send(
      new CreateTableCommand({
        ...{ TableName: 'things', BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [schema] },
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      }),
    )
    await waitUntilTableExists({ client: first.dynamodb, minDelay: 0.02, maxWaitTime: 20 }, { TableName: 'things' })
    await first.dynamodb.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'a' }, n: { N: '1' } } }))
    const { KeyMetadata } = await first.kms.send(new CreateKeyCommand({}))
    const key = await first.kms.send(new GenerateDataKeyCommand({ KeyId: KeyMetadata?.KeyId, KeySpec: 'AES_256' }))
    await first.secretsManager.send(new CreateSecretCommand({ Name: 's', SecretString: 'value' }))
    await first.services.restoreMessages()
    const queues = await createQueues(first.sqs)
    await sendSome(first.sqs, queues)
    // Received but not deleted, so the message still counts as undelivered.
    await first.sqs.send(new ReceiveMessageCommand({ QueueUrl: queues.fifo }))
    await first.stop()

    const second = await start(folder)
    const again = await createQueues(second.sqs)
    await second.services.restoreMessages()
    const item = await second.dynamodb.send(new GetItemCommand({ TableName: 'things', Key: { pk: { S: 'a' } } }))
    expect(item.Item?.['n']).toEqual({ N: '1' })
    const decrypted = await second.kms.send(new DecryptCommand({ CiphertextBlob: key.CiphertextBlob }))
    expect(decrypted.Plaintext).toEqual(key.Plaintext)
    const secret = await second.secretsManager.send(new GetSecretValueCommand({ SecretId: 's' }))
    expect(secret.SecretString).toBe('value')
    expect(await takeAll(second.sqs, again.fifo)).toEqual(['g:1:d1', 'g:2:d2', 'h:3:d3'])
    // Of two delayed messages the one that is due comes, and the one that no test is slow enough for does not.
    const due = await second.sqs.send(new ReceiveMessageCommand({ QueueUrl: again.standard, WaitTimeSeconds: 20 }))
    expect(due.Messages?.map(({ Body }) => Body)).toEqual(['in two seconds'])
    const early = await second.sqs.send(new ReceiveMessageCommand({ QueueUrl: again.standard }))
    expect(early.Messages).toBeUndefined()
  })
})

describe('an endpoint in the environment', () => {
  test('replaces the engine, each for its own service', async () => {
    const [all, ofSqs] = [await start(), await start()].map(({ services }) => services.endpoints.other)
    const { services } = await start(undefined, {
      ...{ AWS_ENDPOINT_URL: `${all}/`, AWS_ENDPOINT_URL_SQS: ofSqs, AWS_ENDPOINT_URL_KMS: '' },
    })
    expect(services.endpoints).toEqual({ dynamodb: all, sqs: ofSqs, kms: all, secretsManager: all, other: all })
  })

  test.each([
    ['localhost:4566', 'AWS_ENDPOINT_URL must be a URL such as http://127.0.0.1:4566, not "localhost:4566"'],
    ['http://127.0.0.1:1', 'Nothing answers at http://127.0.0.1:1'],
  ])('%s is refused with what to do', async (AWS_ENDPOINT_URL, message) => {
    await expect(start(undefined, { AWS_ENDPOINT_URL })).rejects.toThrow(message)
  })
})

test('a queue that another version of the template has left gets the attributes of this one', async () => {
  const { sqs } = await start()
  const first = await createQueue(sqs, 'q.fifo', { FifoQueue: true, VisibilityTimeout: 5 })
  expect(await createQueue(sqs, 'q.fifo', { FifoQueue: true, VisibilityTimeout: 7 })).toBe(first)
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: first, AttributeNames: ['VisibilityTimeout', 'FifoQueue'] }),
  )
  expect(Attributes).toEqual({ VisibilityTimeout: '7', FifoQueue: 'true' })
})

type Sqs = ReturnType<typeof clientsFor>['sqs']

async function createQueues(sqs: Sqs) {
  const create = async (QueueName: string, Attributes?: Record<string, string>) =>
    (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!
  return { fifo: await create('f.fifo', { FifoQueue: 'true' }), standard: await create('s') }
}

async function sendSome(sqs: Sqs, queues: { fifo: string; standard: string }) {
  for (const [MessageGroupId, MessageBody] of [
    ['g', '1'],
    ['g', '2'],
    ['h', '3'],
  ] as const) {
    const MessageDeduplicationId = `d${MessageBody}`
    await sqs.send(
      new SendMessageCommand({ QueueUrl: queues.fifo, MessageBody, MessageGroupId, MessageDeduplicationId }),
    )
  }
  for (const [MessageBody, DelaySeconds] of [
    ['in fifteen minutes', 900],
    ['in two seconds', 2],
  ] as const) {
    await sqs.send(new SendMessageCommand({ QueueUrl: queues.standard, MessageBody, DelaySeconds }))
  }
}

async function takeAll(sqs: Sqs, QueueUrl: string): Promise<string[]> {
  const taken: string[] = []
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
    )
    if (Messages.length === 0) return taken.toSorted()
    for (const { ReceiptHandle, Body, Attributes } of Messages) {
      taken.push(`${Attributes?.MessageGroupId}:${Body}:${Attributes?.MessageDeduplicationId}`)
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    }
  }
}
