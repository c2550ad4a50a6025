/** Answers of DynamoDB: their output, or the error that the SDK would throw. */
import { crc32 } from 'node:zlib'
import { ConditionalCheckFailedException, DynamoDBServiceException } from '@aws-sdk/client-dynamodb'
import type { HttpAnswer } from './exchange.ts'
import { outputOf } from './operations.ts'

/** Returns the output. Throws the service's error, or `BrokenAnswer` for bytes that DynamoDB has not sent. */
export function readAnswer({ status, headers, body }: HttpAnswer): object {
  const sum = headers['x-amz-crc32']
  if (sum !== undefined && Number(sum) !== crc32(body)) throw new BrokenAnswer('The checksum does not match')
  const $metadata = { httpStatusCode: status, requestId: String(headers['x-amzn-requestid'] ?? '') }
  if (status === 200) return { ...outputOf(parse(body)), $metadata }
  // One without a type comes from a proxy: it says nothing about the call, and is no refusal.
  const { __type, ...answer }: Refusal = body.includes('"__type"') ? parse(body) : {}
  const name = __type?.replace(/^.*#|:.*$/g, '') ?? 'UnknownError'
  const message = answer.message ?? answer.Message ?? name
  if (name === 'ConditionalCheckFailedException') throw new ConditionalCheckFailedException({ message, $metadata })
  const $fault = __type === undefined || status >= 500 ? 'server' : 'client'
  throw new DynamoDBServiceException({ name, message, $fault, $metadata })
}

/** Thrown for an answer that was damaged on its way. Its code makes it one that is tried again. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer'
  readonly code = 'EBADMSG'
}

type Refusal = { readonly __type?: string; readonly message?: string; readonly Message?: string }

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(body.toString())
    if (!answer || typeof answer !== 'object' || Array.isArray(answer)) throw new TypeError('No object')
    return answer as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new BrokenAnswer('The answer is no JSON object', { cause })
  }
}
