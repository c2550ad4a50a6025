/** API Gateway's limits. Tests shorten the times; sizes are AWS's. */
export type Limits = {
  /** A connection without a message in either direction is closed after this long. */
  readonly idleMs: number
  /** Any connection is closed after this long. */
  readonly durationMs: number
}

export const awsLimits: Limits = { idleMs: 10 * 60_000, durationMs: 2 * 60 * 60_000 }

/** A message of a client, or to one. */
export const maxMessageBytes = 128 * 1024
/** One frame of a client's message. */
export const maxFrameBytes = 32 * 1024
/** The body of a request to the HTTP API. */
export const maxBodyBytes = 10 * 1024 * 1024
