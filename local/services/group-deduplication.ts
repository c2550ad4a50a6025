/** Deduplication per message group (`DeduplicationScope`), which fauxqs accepts as an attribute and does not perform. */
import * as v from 'valibot'
import type { App } from './queue-file.ts'

const Attributes = v.optional(v.record(v.string(), v.string()), {})
const Created = v.object({ QueueName: v.string(), Attributes })
const Changed = v.object({ QueueUrl: v.string(), Attributes })
const Sent = v.looseObject({ QueueUrl: v.string(), MessageGroupId: v.string(), MessageDeduplicationId: v.string() })

/**
 * Makes equal ids of different groups different messages in queues that ask for it: the group becomes part of the id. An
 * id that has it already, because its message comes from the file of an earlier run, stays.
 */
export function deduplicateByGroup(app: App): void {
  const scopes = new Map<string, string>()
  const note = (name: string, { DeduplicationScope: scope }: Readonly<Record<string, string>>) => {
    if (scope !== undefined) scopes.set(name, scope)
  }
  app.addHook('preHandler', async (request) => {
    const operation = request.headers['x-amz-target']
    if (operation === 'AmazonSQS.CreateQueue') {
      const created = v.safeParse(Created, request.body)
      if (created.success) note(created.output.QueueName, created.output.Attributes)
    } else if (operation === 'AmazonSQS.SetQueueAttributes') {
      const changed = v.safeParse(Changed, request.body)
      if (changed.success) note(nameOf(changed.output.QueueUrl), changed.output.Attributes)
    } else if (operation === 'AmazonSQS.SendMessage') {
      const sent = v.safeParse(Sent, request.body)
      if (sent.success && scopes.get(nameOf(sent.output.QueueUrl)) === 'messageGroup')
        request.body = { ...sent.output, MessageDeduplicationId: idInGroup(sent.output) }
    }
  })
}

const nameOf = (queueUrl: string): string => queueUrl.slice(queueUrl.lastIndexOf('/') + 1)

function idInGroup({ MessageGroupId: group, MessageDeduplicationId: id }: v.InferOutput<typeof Sent>): string {
  const prefix = `${group}/`
  return id.startsWith(prefix) ? id : prefix + id
}
