/** `DataKeys` on KMS: the encryption context binds a key to its company and generation. */
import { DecryptCommand, GenerateDataKeyCommand, KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import { translateFailures } from '#shared/dynamo/store-unavailable.ts'
import type { DataKeys, GenerationRef } from '#shared/ports.ts'

/** Makes a KMS client whose failures are `StoreUnavailable`. */
export function kmsClient(config: KMSClientConfig = {}): KMSClient {
  return translateFailures(new KMSClient({ requestHandler: requestHandler(), ...config }), 'kms')
}

/** Makes the adapter; `keyId` is the ARN of the customer-managed key. */
export function kmsDataKeys(client: KMSClient, keyId: string): DataKeys {
  return {
    create: async (ref) => {
      const made = await client.send(
        new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: contextOf(ref) }),
      )
      if (!made.Plaintext || !made.CiphertextBlob) throw new Error('KMS made a data key without its parts')
      return { key: made.Plaintext, wrappedKey: Buffer.from(made.CiphertextBlob).toString('base64') }
    },
    unwrap: async (ref, wrappedKey) => {
      const CiphertextBlob = Buffer.from(wrappedKey, 'base64')
      // KMS reports an empty one as a malformed request, not as a bad key.
      if (CiphertextBlob.length === 0) return 'refused'
      return unlessRefused(async () => {
        const opened = await client.send(
          new DecryptCommand({ KeyId: keyId, CiphertextBlob, EncryptionContext: contextOf(ref) }),
        )
        if (!opened.Plaintext) throw new Error('KMS opened a data key without giving it')
        return opened.Plaintext
      })
    },
  }
}

const contextOf = ({ companyId, generation }: GenerationRef) => ({ companyId, generation })

/**
 * Errors that KMS would answer again: the wrapped key or its context is altered or is another key's, and the configured
 * key does not exist, is disabled or about to be deleted, or may not be used by this host (API reference of Decrypt).
 */
const refusals: readonly string[] = [
  'InvalidCiphertextException',
  'IncorrectKeyException',
  'NotFoundException',
  'DisabledException',
  'KMSInvalidStateException',
  'InvalidKeyUsageException',
  'AccessDeniedException',
]

async function unlessRefused(unwrap: () => Promise<Uint8Array>): Promise<Uint8Array | 'refused'> {
  try {
    return await unwrap()
  } catch (error) {
    if (error instanceof Error && refusals.includes(error.name)) return 'refused'
    throw error
  }
}
