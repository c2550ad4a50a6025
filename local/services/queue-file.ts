/** Undelivered messages in a file, because fauxqs keeps its queues only in memory. */
import type { buildApp } from 'fauxqs'
import * as v from 'valibot'
import { readJson, writeJson } from './json-file.ts'

export type App = ReturnType<typeof buildApp>

const Message = v.object({
  body: v.string(),
  messageAttributes: v.record(v.string(), v.unknown()),
  messageGroupId: v.optional(v.string()),
  messageDeduplicationId: v.optional(v.string()),
  sequenceNumber: v.optional(v.string(), ''),
  sentTimestamp: v.number(),
  /** Epoch ms before which the message is not delivered. */
  delayUntil: v.optional(v.number()),
})
type Message = v.InferOutput<typeof Message>

const Queue = v.object({
  messages: v.object({
    ready: v.array(Message),
    delayed: v.array(Message),
    inflight: v.array(v.object({ message: Message })),
  }),
})

/** Undelivered messages by queue name. */
const Undelivered = v.record(v.string(), v.array(Message))

const changes = /^AmazonSQS\.(Send|Delete|Purge)/
const settleMs = 100

/** Saves undelivered messages to a file: shortly after each change, so that a crash loses little, and on demand. */
export function keepQueues(app: App, file: string) {
  const kept = readJson(file, Undelivered) ?? {}
  let timer: NodeJS.Timeout | undefined
  let isRestored = false
  const save = async () => {
    clearTimeout(timer)
    timer = undefined
    // Saving before the old messages are back in the queues would lose them.
    if (isRestored) writeJson(file, await undelivered(app))
  }
  app.addHook('onResponse', async (request) => {
    if (changes.test(String(request.headers['x-amz-target']))) timer ??= setTimeout(() => void save(), settleMs)
  })
  return {
    save,
    async restore() {
      const names = await queueNames(app)
      for (const [name, messages] of Object.entries(kept)) {
        // With fewer shards than last time some queues no longer exist; their commands are too old to matter.
        if (names.includes(name)) for (const message of messages) await putBack(app, name, message)
      }
      isRestored = true
    },
  }
}

/**
 * Returns the messages that were sent and not deleted, in the order of sending. Messages in flight are included: their
 * receiver may have crashed.
 */
async function undelivered(app: App): Promise<v.InferOutput<typeof Undelivered>> {
  const entries = (await queueNames(app)).map(async (name) => {
    const { messages } = v.parse(Queue, await get(app, `/_fauxqs/queues/${name}`))
    const all = [...messages.inflight.map(({ message }) => message), ...messages.ready, ...messages.delayed]
    return [name, all.sort(bySending)] as const
  })
  return Object.fromEntries((await Promise.all(entries)).filter(([, messages]) => messages.length > 0))
}

async function queueNames(app: App): Promise<string[]> {
  const queues = v.parse(v.array(v.object({ name: v.string() })), await get(app, '/_fauxqs/queues'))
  return queues.map(({ name }) => name)
}

function bySending(a: Message, b: Message): number {
  return a.sequenceNumber.localeCompare(b.sequenceNumber) || a.sentTimestamp - b.sentTimestamp
}

async function putBack(app: App, name: string, message: Message): Promise<void> {
  const { QueueUrl } = v.parse(v.object({ QueueUrl: v.string() }), await call(app, 'GetQueueUrl', { QueueName: name }))
  const isFifo = message.messageGroupId !== undefined
  const delay = Math.max(0, Math.ceil(((message.delayUntil ?? 0) - Date.now()) / 1000))
  await call(app, 'SendMessage', {
    QueueUrl,
    MessageBody: message.body,
    MessageAttributes: message.messageAttributes,
    ...(isFifo
      ? { MessageGroupId: message.messageGroupId, MessageDeduplicationId: message.messageDeduplicationId }
      : { DelaySeconds: delay }),
  })
}

/** Calls SQS inside this process, without a network connection. */
export async function call(app: App, action: string, input: object): Promise<unknown> {
  const response = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
    payload: JSON.stringify(input),
  })
  if (response.statusCode !== 200) throw new Error(`SQS ${action}: ${response.body}`)
  return response.json()
}

async function get(app: App, url: string): Promise<unknown> {
  return (await app.inject({ method: 'GET', url })).json()
}
