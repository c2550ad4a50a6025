/** Conditional writes: the one place where a condition that did not hold is caught. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'

/** The result of a write, or `refused` when its condition did not hold. */
export async function unlessRefused<T>(write: Promise<T>): Promise<T | 'refused'> {
  try {
    return await write
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return 'refused'
    throw error
  }
}
