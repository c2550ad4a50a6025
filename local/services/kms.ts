/**
 * The part of KMS that envelope encryption needs: keys that are never exported, and data keys bound to their encryption
 * context.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { account, region } from './account.ts'
import { AwsError, type Operations, operation } from './aws-json.ts'
import { type Stored, storedJson } from './json-file.ts'

const KeyRing = v.object({
  /** Key material by key id, in base64. */
  keys: v.record(v.string(), v.string()),
  /** Key ids by alias. */
  aliases: v.record(v.string(), v.string()),
})
type KeyRing = v.InferOutput<typeof KeyRing>

const keyId = v.pipe(v.string(), v.nonEmpty())
const Context = v.optional(v.record(v.string(), v.string()), {})
const DataKeyRequest = v.object({
  KeyId: keyId,
  KeySpec: v.optional(v.picklist(['AES_256', 'AES_128'])),
  NumberOfBytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))),
  EncryptionContext: Context,
})
const DecryptRequest = v.object({
  CiphertextBlob: v.string(),
  KeyId: v.optional(keyId),
  EncryptionContext: Context,
})

const idBytes = 36
const ivBytes = 12
const tagBytes = 16

/** Returns the operations of KMS on a key ring in a file, or in memory without a path. */
export function kmsOperations(path: string | undefined): Operations {
  const ring = storedJson(path, KeyRing, { keys: {}, aliases: {} })
  return {
    'TrentService.CreateKey': operation(v.object({}), () => ({ KeyMetadata: metadata(createKey(ring)) })),
    'TrentService.CreateAlias': operation(v.object({ AliasName: v.string(), TargetKeyId: keyId }), (input) => {
      const id = findKey(ring.get(), input.TargetKeyId)
      ring.set({ ...ring.get(), aliases: { ...ring.get().aliases, [input.AliasName]: id } })
      return {}
    }),
    'TrentService.DescribeKey': operation(v.object({ KeyId: keyId }), (input) => ({
      KeyMetadata: metadata(findKey(ring.get(), input.KeyId)),
    })),
    'TrentService.GenerateDataKey': operation(DataKeyRequest, (input) => generateDataKey(ring.get(), input)),
    'TrentService.Decrypt': operation(DecryptRequest, (input) => decrypt(ring.get(), input)),
  }
}

function createKey(ring: Stored<KeyRing>): string {
  const id = randomUUID()
  const { keys, aliases } = ring.get()
  ring.set({ keys: { ...keys, [id]: randomBytes(32).toString('base64') }, aliases })
  return id
}

function generateDataKey(ring: KeyRing, input: v.InferOutput<typeof DataKeyRequest>): object {
  if ((input.KeySpec === undefined) === (input.NumberOfBytes === undefined)) {
    throw new AwsError('ValidationException', 'Exactly one of KeySpec and NumberOfBytes must be specified')
  }
  const id = findKey(ring, input.KeyId)
  const plaintext = randomBytes(input.NumberOfBytes ?? (input.KeySpec === 'AES_128' ? 16 : 32))
  return {
    KeyId: keyArn(id),
    Plaintext: plaintext.toString('base64'),
    CiphertextBlob: wrap(ring, id, plaintext, input.EncryptionContext).toString('base64'),
  }
}

/** Wraps a data key: key id, nonce, tag, ciphertext. The encryption context is authenticated but not stored. */
function wrap(ring: KeyRing, id: string, plaintext: Buffer, context: Record<string, string>): Buffer {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', material(ring, id), iv).setAAD(canonical(context))
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([Buffer.from(id), iv, cipher.getAuthTag(), sealed])
}

function decrypt(ring: KeyRing, input: v.InferOutput<typeof DecryptRequest>): object {
  const blob = Buffer.from(input.CiphertextBlob, 'base64')
  const id = blob.subarray(0, idBytes).toString()
  if (ring.keys[id] === undefined) throw invalidCiphertext()
  if (input.KeyId !== undefined && findKey(ring, input.KeyId) !== id) {
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify the key that encrypted this',
    )
  }
  return {
    KeyId: keyArn(id),
    Plaintext: unwrap(ring, id, blob, input.EncryptionContext).toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  }
}

function unwrap(ring: KeyRing, id: string, blob: Buffer, context: Record<string, string>): Buffer {
  const iv = blob.subarray(idBytes, idBytes + ivBytes)
  const tag = blob.subarray(idBytes + ivBytes, idBytes + ivBytes + tagBytes)
  if (tag.length < tagBytes) throw invalidCiphertext()
  const decipher = createDecipheriv('aes-256-gcm', material(ring, id), iv).setAuthTag(tag).setAAD(canonical(context))
  const opened = decipher.update(blob.subarray(idBytes + ivBytes + tagBytes))
  try {
    return Buffer.concat([opened, decipher.final()])
  } catch {
    // GCM does not distinguish a wrong context from a damaged blob, and neither does KMS.
    throw invalidCiphertext()
  }
}

function material(ring: KeyRing, id: string): Buffer {
  return Buffer.from(ring.keys[id] ?? '', 'base64')
}

function findKey(ring: KeyRing, name: string): string {
  const bare = name.replace(/^arn:aws:kms:[^:]*:[^:]*:/, '').replace(/^key\//, '')
  const id = ring.aliases[bare] ?? bare
  if (ring.keys[id] === undefined) throw new AwsError('NotFoundException', `Key '${keyArn(id)}' does not exist`)
  return id
}

function metadata(id: string): object {
  return {
    KeyId: id,
    Arn: keyArn(id),
    AWSAccountId: account,
    Enabled: true,
    KeyState: 'Enabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
  }
}

function keyArn(id: string): string {
  return `arn:aws:kms:${region}:${account}:key/${id}`
}

function canonical(context: Record<string, string>): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))))
}

function invalidCiphertext(): AwsError {
  return new AwsError('InvalidCiphertextException', 'The ciphertext or its encryption context is not valid')
}
