/** A worker thread that runs a function's bundle. Lambda calls this an execution environment. */
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { Worker } from 'node:worker_threads'
import type { CloudFunction } from '../template/cloud.ts'
import type { Invocation, WorkerMessage, WorkerSetup } from './messages.ts'
import type { Log, Outcome } from './outcome.ts'
import { pendingOutcome } from './pending-outcome.ts'

export type ExecutionEnvironment = {
  /** Resolves when the bundle has loaded, or has failed to load. */
  readonly ready: Promise<Outcome>
  invoke(event: unknown): Promise<Outcome>
  /** False after a crash or a time-out: then it cannot take another invocation. */
  isAlive(): boolean
  stop(): Promise<void>
}

/** Lambda's limit for loading a function. */
const initTimeoutMs = 10_000

/** Starts a worker thread. Its environment is exactly `env`, without any variable of this process. */
export function startExecutionEnvironment(
  fn: CloudFunction,
  env: Readonly<Record<string, string>>,
  log: Log,
): ExecutionEnvironment {
  const invocations = new Int32Array(new SharedArrayBuffer(4))
  const worker = startWorker(fn, env, invocations)
  const output = new PassThrough()
  createInterface({ input: output }).on('line', (line) => log(fn.title, line))
  let alive = true
  const pending = pendingOutcome()
  const crash = (errorType: string, errorMessage: string) => {
    if (alive) log(fn.title, `${errorType}: ${errorMessage}`)
    alive = false
    pending.settle({ status: 'failed', errorType, errorMessage })
  }
  worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'output') return void output.write(message.text)
    if (message.type === 'failed') log(fn.title, invokeError(message))
    pending.settle(toOutcome(message))
  })
  worker.on('error', (error) => crash(errorName(error), error instanceof Error ? error.message : String(error)))
  worker.on('exit', (code) => {
    output.end()
    crash('Runtime.ExitError', `The function's process ended with ${code}`)
  })

  /** Waits for the next outcome, and terminates the thread after the time limit. */
  const next = (timeoutMs: number, timeoutMessage: string) =>
    pending.next(timeoutMs, () => {
      crash('Sandbox.Timedout', timeoutMessage)
      void worker.terminate()
    })
  const ready = next(initTimeoutMs, 'The function did not load within 10 seconds')

  return {
    ready,
    async invoke(event) {
      const loaded = await ready
      if (loaded.status === 'failed') return loaded
      const requestId = randomUUID()
      const seconds = (fn.timeoutMs / 1000).toFixed(2)
      const outcome = next(fn.timeoutMs, `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`)
      worker.postMessage(toInvocation(fn, requestId, event))
      Atomics.add(invocations, 0, 1)
      Atomics.notify(invocations, 0)
      return outcome
    },
    isAlive: () => alive,
    async stop() {
      alive = false
      await worker.terminate()
    },
  }
}

function startWorker(
  fn: CloudFunction,
  env: Readonly<Record<string, string>>,
  invocations: WorkerSetup['invocations'],
): Worker {
  const setup: WorkerSetup = { folder: fn.folder, handler: fn.handler, invocations }
  return new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: setup,
    env: { ...env },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: fn.memoryMb, maxYoungGenerationSizeMb: 16 },
  })
}

function toInvocation(fn: CloudFunction, requestId: string, event: unknown): Invocation {
  return {
    requestId,
    event: JSON.stringify(event),
    functionName: fn.name,
    functionArn: fn.arn,
    memoryMb: fn.memoryMb,
    deadline: Date.now() + fn.timeoutMs,
  }
}

function toOutcome(message: WorkerMessage): Outcome {
  if (message.type === 'failed') {
    return { status: 'failed', errorType: message.errorType, errorMessage: message.errorMessage }
  }
  const result = message.type === 'succeeded' ? message.result : undefined
  return { status: 'succeeded', value: result === undefined ? null : JSON.parse(result) }
}

/** Returns the line that Lambda's runtime logs when a handler throws. */
function invokeError({ errorType, errorMessage, stack }: Extract<WorkerMessage, { type: 'failed' }>): string {
  return JSON.stringify({ level: 'ERROR', message: 'Invoke Error', errorType, errorMessage, stack: stack.split('\n') })
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'Runtime.UnknownError'
}
