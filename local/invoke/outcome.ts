/** What becomes of an invocation, as whoever invoked the function sees it. */
export type Outcome =
  | { readonly status: 'succeeded'; readonly value: unknown }
  | { readonly status: 'failed'; readonly errorType: string; readonly errorMessage: string }

/** Invokes a function by its ARN and waits for its outcome; never throws for what the function does. */
export type Invoke = (functionArn: string, event: unknown) => Promise<Outcome>

/** Takes a line that something has written. */
export type Log = (source: string, line: string) => void
