/** Messages between a worker thread and its parent. Events and results are passed as JSON text, as on AWS. */

export type Invocation = {
  readonly requestId: string
  readonly event: string
  readonly functionName: string
  readonly functionArn: string
  readonly memoryMb: number
  /** Epoch ms at which the invocation times out. */
  readonly deadline: number
}

/** `result` is absent when the handler returned nothing. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'succeeded'; readonly result?: string | undefined }
  | { readonly type: 'failed'; readonly errorType: string; readonly errorMessage: string; readonly stack: string }

/** Start parameters of a worker. */
export type WorkerSetup = {
  readonly folder: string
  readonly handler: string
  /** Number of invocations sent to the worker. Shared memory, so that a frozen thread can wait on it. */
  readonly invocations: Int32Array<SharedArrayBuffer>
}
