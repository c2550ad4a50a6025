/** What the two sides of a worker thread say to each other. Events and results cross as JSON text, as they do on AWS. */

export type Invocation = {
  readonly requestId: string
  readonly event: string
  readonly functionName: string
  readonly functionArn: string
  readonly memoryMb: number
  /** Epoch ms by which the function must have answered. */
  readonly deadline: number
}

/** `result` is absent when the handler returned nothing. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'succeeded'; readonly result?: string | undefined }
  | { readonly type: 'failed'; readonly errorType: string; readonly errorMessage: string; readonly stack: string }

/** What a worker is started with. */
export type WorkerSetup = {
  readonly folder: string
  readonly handler: string
  /** How many invocations it has been sent: shared memory, so that a thread that stands still can wait on it. */
  readonly invocations: Int32Array<SharedArrayBuffer>
}
