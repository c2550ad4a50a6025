/** Outcome of an invocation, as its caller sees it. */
export type Outcome =
  | { readonly status: 'succeeded'; readonly value: unknown }
  | { readonly status: 'failed'; readonly errorType: string; readonly errorMessage: string }

/** Invokes a function by its ARN and waits for its outcome. Does not throw when the function fails. */
export type Invoke = (functionArn: string, event: unknown) => Promise<Outcome>

/** Receives a log line; `source` names the function, the host or the part of the local run that wrote it. */
export type Log = (source: string, line: string) => void
