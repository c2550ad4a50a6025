/** Conditional writes: the only place that catches a condition that did not hold. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'

/** Returns the result of a write, or `refused` when its condition did not hold. */
export async function unlessRefused<T>(write: Promise<T>): Promise<T | 'refused'> {
  try {
    return await write
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return 'refused'
    throw error
  }
}
