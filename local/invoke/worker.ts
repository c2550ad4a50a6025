/** Code of a worker thread: an execution environment of one function, with one invocation at a time. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { Invocation, WorkerMessage, WorkerSetup } from './messages.ts'

type Handler = (event: unknown, context: object) => unknown

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread')
const send = (message: WorkerMessage) => port.postMessage(message)

for (const output of [process.stdout, process.stderr]) output.write = sendOutput

const { invocations }: WorkerSetup = workerData
const handler = await loadHandler(workerData)
let answered = 0
port.on('message', async (invocation: Invocation) => {
  send(await run(invocation).catch(failure))
  answered += 1
  freeze(answered)
})
send({ type: 'ready' })
freeze(answered)

/**
 * Blocks the thread until the next invocation, as Lambda freezes an environment: work that a handler has not awaited must not
 * go on after its answer.
 */
function freeze(invocationsDone: number): void {
  Atomics.wait(invocations, 0, invocationsDone)
}

/**
 * Sends output at once. A worker's own streams wait for the parent to acknowledge each chunk, and a blocked thread
 * cannot receive that.
 */
function sendOutput(chunk: Uint8Array | string, ...rest: readonly unknown[]): boolean {
  send({ type: 'output', text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString() })
  const done = rest.at(-1)
  if (typeof done === 'function') process.nextTick(done)
  return true
}

async function run(invocation: Invocation): Promise<WorkerMessage> {
  const value = await handler(JSON.parse(invocation.event), contextOf(invocation))
  return { type: 'succeeded', result: JSON.stringify(value) }
}

async function loadHandler({ folder, handler }: WorkerSetup): Promise<Handler> {
  const [file = '', name = ''] = handler.split('.')
  const path = [`${file}.mjs`, `${file}.js`].map((candidate) => join(folder, candidate)).find(existsSync)
  if (path === undefined) throw new Error(`Runtime.ImportModuleError: there is no ${file}.mjs in ${folder}`)
  const exported: unknown = (await import(pathToFileURL(path).href))[name]
  if (!isHandler(exported)) throw new Error(`Runtime.HandlerNotFound: ${handler} is undefined or not a function`)
  // nodejs24.x refuses handlers with a callback.
  if (exported.length > 2) throw new Error(`Runtime.CallbackHandlerDeprecated: ${handler} takes a callback`)
  return exported
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function'
}

function contextOf(invocation: Invocation): object {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: invocation.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: invocation.functionArn,
    memoryLimitInMB: String(invocation.memoryMb),
    awsRequestId: invocation.requestId,
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - Date.now()),
  }
}

function failure(error: unknown): WorkerMessage {
  if (!(error instanceof Error))
    return { type: 'failed', errorType: typeof error, errorMessage: String(error), stack: '' }
  return { type: 'failed', errorType: error.name, errorMessage: error.message, stack: error.stack ?? '' }
}
