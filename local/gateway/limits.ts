/** Time limits of API Gateway. Tests shorten them. */
export type Limits = {
  /** A connection without a message in either direction is closed after this long. */
  readonly idleMs: number
  /** Any connection is closed after this long. */
  readonly durationMs: number
}

export const awsLimits: Limits = { idleMs: 10 * 60_000, durationMs: 2 * 60 * 60_000 }

/** Limit of a message from a client, or to one, on AWS. */
export const maxMessageBytes = 128 * 1024
/** Limit of one frame of a client's message, on AWS. */
export const maxFrameBytes = 32 * 1024
/** Limit of the body of a request to the HTTP API, on AWS. */
export const maxBodyBytes = 10 * 1024 * 1024
