/** Answers of DynamoDB: their output, or the error that the SDK would throw. */
import { crc32 } from 'node:zlib'
import { ConditionalCheckFailedException, DynamoDBServiceException } from '@aws-sdk/client-dynamodb'
import { reviveBytes } from './attribute-values.ts'
import type { HttpAnswer } from './exchange.ts'
import { outputOf } from './operations.ts'

/** Returns the output. Throws the service's error, or `BrokenAnswer` for bytes that DynamoDB has not sent. */
export function readAnswer({ status, headers, body }: HttpAnswer): Readonly<Record<string, unknown>> {
  const sum = headers['x-amz-crc32']
  if (sum !== undefined && Number(sum) !== crc32(body)) throw new BrokenAnswer('The checksum does not match')
  const $metadata = { httpStatusCode: status, requestId: String(headers['x-amzn-requestid'] ?? '') }
  if (status !== 200) throw serviceError(status, body, $metadata)
  return { ...outputOf(parse(body)), $metadata }
}

/** Thrown for an answer that was damaged on its way. Its code makes it one that is tried again. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer'
  readonly code = 'EBADMSG'
}

function parse(body: Buffer, revive?: typeof reviveBytes): Record<string, unknown> {
  try {
    return JSON.parse(body.toString(), revive)
  } catch (cause) {
    throw new BrokenAnswer('The answer is not JSON', { cause })
  }
}

type Metadata = { readonly httpStatusCode: number; readonly requestId: string }

/** An answer without a type comes from a proxy: it says nothing about the call, and is no refusal of DynamoDB. */
function serviceError(status: number, body: Buffer, $metadata: Metadata): Error {
  const { __type, message, Message, Item } = parseError(body)
  const text = String(message ?? Message ?? '')
  const name = typeof __type === 'string' ? __type.replace(/^.*#|:.*$/g, '') : 'UnknownError'
  if (name === 'ConditionalCheckFailedException') {
    const item = Item as ConstructorParameters<typeof ConditionalCheckFailedException>[0]['Item']
    return new ConditionalCheckFailedException({ message: text, $metadata, ...(item && { Item: item }) })
  }
  const $fault = status >= 500 || __type === undefined ? 'server' : 'client'
  return new DynamoDBServiceException({ name, message: text || name, $fault, $metadata })
}

function parseError(body: Buffer): Record<string, unknown> {
  try {
    return Object(parse(body, reviveBytes))
  } catch {
    return {}
  }
}
