/** Long polls of clients that have disconnected. */
import * as v from 'valibot'
import { type App, call } from './queue-file.ts'

const Received = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ Messages: v.optional(v.array(v.object({ ReceiptHandle: v.string() })), []) }),
)
const Poll = v.object({ QueueUrl: v.string() })

/**
 * Makes messages visible again whose receiver has disconnected. fauxqs keeps a poll waiting after its connection has closed and
 * gives it the next message, so a command for a killed host would have to wait for its visibility timeout.
 */
export function returnUndelivered(app: App): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const isPoll = request.headers['x-amz-target'] === 'AmazonSQS.ReceiveMessage'
    if (!isPoll || !request.raw.socket.destroyed || reply.statusCode !== 200) return payload
    const { QueueUrl } = v.parse(Poll, request.body)
    for (const message of v.parse(Received, payload).Messages) {
      await call(app, 'ChangeMessageVisibility', {
        QueueUrl,
        ReceiptHandle: message.ReceiptHandle,
        VisibilityTimeout: 0,
      })
    }
    return payload
  })
}
